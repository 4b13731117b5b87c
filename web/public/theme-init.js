// Runs before the first paint, so that the page never flashes in the wrong theme or language.
;(function () {
  var root = document.documentElement
  var theme = 'system'
  try {
    theme = localStorage.getItem('greffe.theme') || 'system'
    root.lang = localStorage.getItem('greffe.lang') === 'en' ? 'en' : 'fr'
  } catch {
    // Storage may be forbidden: the defaults stand.
  }
  var dark =
    theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  root.dataset.theme = dark ? 'dark' : 'light'
  var meta = document.querySelector('meta[name="theme-color"]')
  if (meta) meta.setAttribute('content', dark ? '#0d1518' : '#f6f3ec')
})()
