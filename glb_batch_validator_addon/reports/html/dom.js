'use strict';
// Elements are made by the DOM alone, and text is only ever text: nothing of a library's making is parsed as HTML.

const SVG = 'http://www.w3.org/2000/svg';
const byId = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== ''));
  return element;
}

const h = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
const s = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

function icon(name, label = null) {
  const about = label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' };
  return s('svg', { class: `icon ${name}`, ...about }, s('use', { href: `#i-${name}` }));
}

const hidden = (text) => h('span', { class: 'visually-hidden' }, text);

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const number = (value) => (value === null ? '–' : GROUPED.format(value));
const plural = (count, one, several = `${one}s`) => `${number(count)} ${count === 1 ? one : several}`;

// As `words.size` does.
function size(value) {
  if (value === null) return '–';
  for (const [unit, scale] of [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]]) {
    if (value >= scale) return `${(value / scale).toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false })} ${unit}`;
  }
  return `${value} B`;
}

const spans = (pieces) => pieces.map(([tag, text]) => (tag ? h(tag, {}, text) : text));

function say(text) {
  byId('said').textContent = text;
}

// Where the clipboard is closed to pages from disk, the text is selected and can be copied by hand.
function copyButton(text, what) {
  const button = h('button', { type: 'button', class: 'quiet copy', 'aria-label': `Copy ${what}`, title: `Copy ${what}` }, icon('copy'));
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.replaceChildren(icon('done'));
      say('Copied');
      setTimeout(() => button.replaceChildren(icon('copy')), 1500);
    } catch {
      const shown = button.previousElementSibling;
      if (shown) window.getSelection().selectAllChildren(shown);
    }
  });
  return button;
}
