// Numbers that move: the server sends them by name, the page marks where each belongs.
const address = document.body.dataset.live
if (address) {
  const source = new EventSource(address)
  source.addEventListener('numbers', (event) => {
    const numbers = JSON.parse(event.data)
    for (const place of document.querySelectorAll('[data-live-number]')) {
      const value = numbers[place.dataset.liveNumber]
      if (value !== undefined) place.textContent = String(value)
    }
    for (const bar of document.querySelectorAll('[data-live-progress]')) {
      const value = numbers[`progress:${bar.dataset.liveProgress}`]
      if (value !== undefined) bar.value = value
    }
  })
  // A stream that stays open would keep the next page waiting for a connection.
  window.addEventListener('pagehide', () => source.close())
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.copy)?.textContent ?? ''
    await navigator.clipboard.writeText(text)
    button.textContent = document.body.dataset.copied
  })
}
