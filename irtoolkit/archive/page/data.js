'use strict';

/* The slides of the run as `report/slides.js` gives them, and how their figures are shown. */

const FIGURES = {
  defects: {label: 'Defects', about: 'number of marked places', format: value => value.toLocaleString('en')},
  largest: {label: 'Largest mark', about: 'share of the picture that it covers; over 5 % it may be picture', format: percent},
  coverage: {label: 'Coverage', about: 'share of the picture that is marked', format: percent},
  fdr: {label: 'False share', about: 'estimated share of the marks that are false', format: percent},
  threshold: {label: 'Threshold', about: 'least score of a marked region, in sigma', format: fixed(1)},
  candidates: {label: 'Possible', about: 'number of regions that could be defects, before the threshold chooses; a region may be marked in several pieces', format: value => value.toLocaleString('en')},
  decoys: {label: 'Decoys', about: 'number of such places in the mirrored noise, where no dust can be', format: value => value.toLocaleString('en')},
  shift_y: {label: 'Shift y', about: 'rows by which the infrared is lower than the colour', format: unit(1, 'px')},
  shift_x: {label: 'Shift x', about: 'columns by which the infrared is further right than the colour', format: unit(1, 'px')},
  unseen: {label: 'Unseen', about: 'share of the picture that the infrared does not cover, or of which it holds no data', format: percent},
  no_data: {label: 'No data', about: 'share of the picture of which the infrared holds no data', format: percent},
  blur: {label: 'Blur', about: 'blur of the infrared relative to the colour, sigma', format: unit(1, 'px')},
  slopes: {label: 'Crosstalk', about: 'how strongly the picture shows in the infrared, where only damage should: 0 not at all, .1 to .5 on Kodachrome, near 1 on silver film', format: fixed(2)},
  r2: {label: 'R²', about: 'share of the infrared’s variation that the crosstalk explains: 1 all of it, 0 nothing', format: fixed(2)},
  sigma: {label: 'Noise', about: 'noise of the infrared without the picture, in density', format: fixed(3)},
  agreement: {label: 'Agreement', about: 'density of the damage in the colours over that in the infrared: near 0 if the infrared is another slide’s', format: fixed(2)},
  ratio_r: {label: 'Ratio R', about: 'density of defects in red over that in the infrared, as healing divides it out', format: fixed(2)},
  ratio_g: {label: 'Ratio G', about: 'density of defects in green over that in the infrared, as healing divides it out', format: fixed(2)},
  ratio_b: {label: 'Ratio B', about: 'density of defects in blue over that in the infrared, as healing divides it out', format: fixed(2)},
  ratio_error: {label: 'Ratio error', about: 'standard error of the mean of the three', format: fixed(2)},
  misfit: {label: 'Misfit', about: 'how far the slide’s own fit is from its roll’s; 1 is usual', format: fixed(1)},
  holder: {label: 'Holder', about: 'share of the frame that is holder or mount', format: percent},
  clipped: {label: 'Clipped', about: 'share of the infrared that is saturated', format: percent},
  megapixels: {label: 'Megapixels', about: 'size of the scan', format: unit(1, 'MP')},
  seconds: {label: 'Time', about: 'time for cleaning the slide', format: duration},
};
const DESCRIBED = {film: 'Film', scanner: 'Scanner', layout: 'Layout', dpi: 'Resolution, dpi', decision: 'Decision', kept: 'Healed file', note: 'Note'};
/* The groups: each slide is in one of them. */
const STATES = {done: ['●', 'no remarks'], look: ['▲', 'to look at'], refused: ['■', 'refused'], failed: ['✕', 'failed']};

const NOT_CLEANED = 'it was not cleaned';

const slides = (window.slides || []).map(prepare);
const rolls = groupRolls(slides);

function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.0095) return 'under 0.01 %';
  return `${value.toFixed(value === 0 || value >= 9.95 ? 0 : value >= 0.095 ? 1 : 2)} %`;
}

function unit(digits, name) {
  return value => `${fixed(digits)(value)} ${name}`;
}

function duration(seconds) {
  return seconds < 90 ? unit(seconds < 9.95 ? 1 : 0, 's')(seconds) : unit(0, 'min')(seconds / 60);
}

function fixed(digits) {
  return value => value.toFixed(digits).replace(/^-(?=[0.]+$)/, '').replace('-', '−');
}

function prepare(row, index) {
  const slide = {review: '', reason: '', note: '', weight: 0, ...row, index};
  if (slide.reason && slide.review === NOT_CLEANED) slide.review = '';
  slide.roll = row.roll || folderOf(row.slide) || 'this folder';
  slide.state = row.status !== 'done' ? row.status : slide.review ? 'look' : 'done';
  slide.why = [slide.reason, slide.review, slide.review.includes(slide.note) ? '' : slide.note].filter(Boolean).join('; ');
  slide.text = withoutAccents([row.slide, slide.roll, row.status, slide.review, slide.reason, slide.note, row.kept, row.film, row.scanner].join(' '));
  return slide;
}

/* A roll has slides that can be cleaned; what was refused beside them is counted apart. */
function groupRolls(all) {
  const groups = new Map();
  for (const slide of all) {
    if (!groups.has(slide.roll)) groups.set(slide.roll, []);
    groups.get(slide.roll).push(slide);
  }
  return [...groups].map(([name, members]) => ({name, slides: members, size: members.filter(slide => slide.state !== 'refused').length}))
    .filter(roll => roll.size);
}

function isNumber(value) {
  return typeof value === 'number' && Number.isFinite(value);
}

function figureText(slide, name) {
  if (name === 'fdr' && slide.status === 'done' && slide.defects !== 0 && !isNumber(slide.fdr)) return 'not known';
  return isNumber(slide[name]) ? FIGURES[name].format(slide[name]) : '–';
}

function median(values) {
  const sorted = values.filter(isNumber).sort((a, b) => a - b);
  const middle = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return sorted.length ? (middle[0] + middle[1]) / 2 : null;
}

/* Small letters without accents, as words are compared. */
function withoutAccents(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

function chooseSlides(words, state, roll) {
  const wanted = withoutAccents(words).split(/\s+/).filter(Boolean);
  return slides.filter(slide =>
    (!state || slide.state === state) && (!roll || slide.roll === roll) &&
    wanted.every(word => slide.text.includes(word)));
}

/* The gravest first. */
function byWeight(a, b) {
  return b.weight - a.weight || a.index - b.index;
}

function sortSlides(chosen, key, direction) {
  const known = slide => slide[key] !== undefined && slide[key] !== null && slide[key] !== '';
  const names = new Intl.Collator('en', {numeric: true});
  const compare = (a, b) => isNumber(a) && isNumber(b) ? a - b : names.compare(a, b);
  const order = (a, b) => known(b) - known(a) ||
    (known(a) ? direction * compare(a[key], b[key]) : 0) || a.index - b.index;
  return chosen.toSorted(order);
}
