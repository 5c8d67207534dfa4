/** The page that the twin's designer made. */
export const twinTemplate = `<!doctype html>
<html lang="ru">
<head>
<meta charset="utf-8">
<title>%%partner.name%%</title>
<link rel="stylesheet" href="css/partner.css">
</head>
<body>
<img src="images/house.svg" alt="" width="48">
<h1>%%partner.name%%</h1>
<p>%%partner.city%%</p>
<ul><li>%%partner.services%%</li></ul>
<p><a href="https://placeholder.invalid/partner.phone">%%partner.phone%%</a></p>
<form action="https://forms.tildaapi.com/procces/" method="post"><input name="Phone"><button>Перезвоните мне</button></form>
</body>
</html>
`
