// Numbers that move: the server sends them by name, the page marks where each belongs.
const address = document.body.dataset.live
let source = null

const show = (event) => {
  const numbers = JSON.parse(event.data)
  for (const place of document.querySelectorAll('[data-live-number]')) {
    const value = numbers[place.dataset.liveNumber]
    if (value !== undefined) place.textContent = String(value)
  }
  for (const bar of document.querySelectorAll('[data-live-progress]')) {
    const value = numbers[`progress:${bar.dataset.liveProgress}`]
    if (value !== undefined) bar.value = value
  }
}

// A browser keeps few connections to one host, so a page that nobody sees gives its own back.
const follow = () => {
  const wanted = Boolean(address) && document.visibilityState === 'visible'
  if (wanted && source === null) {
    source = new EventSource(address)
    source.addEventListener('numbers', show)
  }
  if (!wanted && source !== null) {
    source.close()
    source = null
  }
}

document.addEventListener('visibilitychange', follow)
window.addEventListener('pagehide', () => {
  source?.close()
  source = null
})
window.addEventListener('pageshow', follow)
follow()

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.copy)?.textContent ?? ''
    await navigator.clipboard.writeText(text)
    button.textContent = document.body.dataset.copied
  })
}
