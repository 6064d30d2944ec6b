'use strict';
// Before the first paint: the theme that was chosen here the last time, if the browser lets a page from disk remember it.
const THEMES = ['auto', 'light', 'dark'];
const storage = (() => {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
})();

function chosenTheme() {
  try {
    const theme = storage && storage.getItem('glbv-theme');
    return THEMES.includes(theme) ? theme : 'auto';
  } catch {
    return 'auto';
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    if (storage) storage.setItem('glbv-theme', theme);
  } catch {
    // Then it holds for as long as the page is open.
  }
}

document.documentElement.dataset.theme = chosenTheme();
document.documentElement.classList.add('scripted');
