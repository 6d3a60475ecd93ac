'use strict';

/* Close-ups of a slide: its doubtful place, its most changed places, and its least certain marks, each a file. */

const CLOSE = 96;
const GAP = 4;
const MOST_CROPS = 24;

function crops(slide) {
  if (!slide.pictures) return '';
  if (slide.defects === 0) return note('Nothing is marked.');
  const without = 'The close-ups are missing from the folder “report”.';
  const shown = picture(slide, 'crops', 'The most changed places: before, with marks outlined, and healed', without);
  const caption = make('figcaption');
  nameColumns(caption, shown, ['before', 'marks', 'healed']);
  return make('figure', {class: 'crops'}, make('p', {}, 'Most changed places, at 100 %'), caption, shown);
}

/* Crops of 160 pixels beside each other; once it is seen that nothing was healed, the last name goes. */
function nameColumns(caption, shown, names) {
  caption.append(...names.map(name => make('span', {}, name)));
  shown.addEventListener('load', () => {
    caption.style.width = `${shown.width}px`;
    if (Math.round(shown.naturalWidth / 160) < names.length) caption.lastChild.remove();
  });
}

/* The place that a person should see first; small pictures of it are enlarged. */
function worst(slide) {
  if (!slide.pictures || !isNumber(slide.worst_y)) return '';
  const place = `row ${slide.worst_y.toLocaleString('en')}, column ${slide.worst_x.toLocaleString('en')}`;
  const shown = picture(slide, 'worst', `The most doubtful place, ${place}: visible, infrared, marks outlined, and healed`);
  const caption = make('figcaption');
  nameColumns(caption, shown, ['visible', 'infrared', 'marks', 'healed']);
  return make('figure', {class: 'crops worst'}, make('p', {}, `Most doubtful place: ${place}`), caption, shown);
}

function closeUps(slide) {
  return make('div', {class: 'close-ups'}, worst(slide), crops(slide));
}

/* All crops are one file with a row for each mark; a row is shown as two windows onto the file, before and healed. */
function markCrops(slide) {
  if (!slide.pictures || !slide.defects) return '';
  const caption = make('p');
  const cells = make('ul', {class: 'marks-list'});
  const box = make('figure', {class: 'mark-crops', hidden: ''}, caption, cells);
  const sheet = new Image();
  sheet.addEventListener('load', () => {
    const rows = Math.max(1, Math.round((sheet.naturalHeight + GAP) / (CLOSE + GAP)));
    const columns = sheet.naturalWidth > 2.4 * CLOSE ? 3 : 2;
    caption.textContent = describeCrops(slide, rows, columns);
    cells.append(...Array.from({length: rows}, (_, row) => cropPair(sheet.src, row, columns)));
    box.hidden = false;
  });
  sheet.src = `${slide.pictures}/marks.jpg`;
  return box;
}

/* A person's own marks have no certainty; the largest come first. */
function describeCrops(slide, rows, columns) {
  const first = isNumber(slide.candidates) ? 'least certain' : 'largest';
  const marks = count(slide.defects, 'mark');
  const shown = rows < MOST_CROPS ? `All ${marks}` : `The ${first} of ${marks}`;
  return `${shown} in ${count(rows, 'crop')} at 100 %, the ${first} first: ${columns === 3 ? 'before and healed' : 'before'}`;
}

function cropPair(address, row, columns) {
  const crop = (name, column) => {
    const image = make('img', {alt: `Crop ${row + 1}, ${name}`, class: name, src: address, decoding: 'async'});
    image.style.setProperty('--down', `${-row * (CLOSE + GAP)}px`);
    image.style.setProperty('--across', `${-column * (CLOSE + GAP)}px`);
    return image;
  };
  return make('li', {}, crop('before', 0), ...columns === 3 ? [crop('healed', 2)] : []);
}
