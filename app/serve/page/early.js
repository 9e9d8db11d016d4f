// Runs before anything is drawn, so that a page in the dark never flashes in the light.
{
  const theme = localStorage.getItem("quincunx-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
