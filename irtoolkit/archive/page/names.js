'use strict';

/* Names of slides and rolls, short enough to be read: a long path begins with its end. */

const LONGEST = 30;

function folderOf(name) {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

function fileOf(name) {
  return name.slice(name.lastIndexOf('/') + 1);
}

/* Beginning and end of a text that is longer than `most` characters. */
function shorten(text, most = LONGEST) {
  const letters = Array.from(text);
  if (letters.length <= most) return text;
  const first = Math.ceil((most - 1) / 2);
  return `${letters.slice(0, first).join('')}…${letters.slice(letters.length - (most - 1 - first)).join('')}`;
}

/* The last folder of a path, after an ellipsis for those above it. */
function shortFolder(path, most = LONGEST) {
  if (Array.from(path).length <= most) return path;
  const last = shorten(fileOf(path), most);
  return path.includes('/') ? `…/${last}` : last;
}

/* A roll is named by its folder, and if that holds several rolls by film, scanner and more in parentheses, with commas;
   folders have parentheses of their own. */
function partsOfRoll(name) {
  const [, path, kind] = /^(.*?)(?: \(((?:(?!\) \().)*, (?:(?!\) \().)*)\))?$/s.exec(name);
  return {path, kind: kind || ''};
}

function shortRoll(name) {
  const {path, kind} = partsOfRoll(name);
  return kind ? `${shortFolder(path)} (${kind})` : shortFolder(path);
}

/* The folder of a roll, its last part first to the eye. */
function rollPath(name) {
  const {path} = partsOfRoll(name);
  const folder = folderOf(path);
  return [...folder ? [make('span', {class: 'folder'}, `${shortFolder(folder, 40)}/`), make('wbr')] : [], make('b', {}, fileOf(path))];
}

function rollName(name) {
  const {path, kind} = partsOfRoll(name);
  return [shortFolder(path), ...kind ? [' ', make('span', {class: 'folder'}, kind)] : []];
}

/* A name may break after its folder, which has its own style. */
function nameOf(slide) {
  const folder = folderOf(slide.slide);
  const parts = folder ? [make('span', {class: 'folder'}, `${folder}/`), make('wbr')] : [];
  return [...parts, fileOf(slide.slide)];
}

/* Folder and file on a line each, both whole when pointed at. */
function shortName(slide) {
  const folder = folderOf(slide.slide);
  const file = make('span', {class: 'file'}, shorten(fileOf(slide.slide)));
  return folder ? [make('span', {class: 'folder'}, `${shortFolder(folder)}/`), file] : [file];
}
