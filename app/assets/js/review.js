// The ballot and the score sheet. Choices of a ballot stay in the page until it is sent.
import { wrongWords } from './complete.js';
import { enhancing, on } from './dom.js';
import { showErrors } from './fields.js';

function recount(ballot) {
  const places = ballot.querySelectorAll('[data-ballot-count]');
  for (const place of places) place.textContent = ballot.querySelectorAll('input[type=radio]:checked').length;
}

function choose(rows, value) {
  for (const row of rows) {
    const radio = row.querySelector(`input[type=radio][value="${value}"]`);
    if (radio) radio.checked = true;
  }
}

on('click', '[data-ballot-set]', (event, button) => {
  const ballot = button.closest('[data-ballot]');
  choose([...ballot.querySelectorAll('[data-pick]:checked')].map((box) => box.closest('tr')), button.dataset.ballotSet);
  recount(ballot);
});
on('click', '[data-ballot-all]', (event, button) => {
  const ballot = button.closest('[data-ballot]');
  choose(ballot.querySelectorAll('tbody tr'), button.dataset.ballotAll);
  recount(ballot);
});
on('change', '[data-ballot]', (event, ballot) => recount(ballot));
enhancing('[data-ballot]', recount);

// The total is shown as the server will count it: weighted, rounded half up.
function total(sheet) {
  const lines = [...sheet.querySelectorAll('[data-score]')];
  const complete = lines.every((line) => line.value !== '' && line.checkValidity());
  const sum = lines.reduce((all, line) => all + Number(line.dataset.score) * Number(line.value) / Number(line.dataset.scoreOf), 0);
  for (const place of sheet.querySelectorAll('[data-score-total]')) place.textContent = complete ? Math.floor(sum + 0.5 + 1e-9) : '—';
}
on('input', '[data-score-sheet]', (event, sheet) => total(sheet));
on('change', '[data-score]', (event, input) => {
  const wrong = wrongWords(input);
  showErrors(input.form, input.name, wrong ? [wrong] : []);
});
enhancing('[data-score-sheet]', total);

// Scores are kept when they are sent, not before: nobody leaves with some of them typed without a word.
on('input', '[data-score-sheet]', (event, sheet) => { sheet.dataset.typed = ''; });
window.addEventListener('beforeunload', (event) => {
  if (document.querySelector('[data-score-sheet][data-typed]:not([data-sending])')) event.preventDefault();
});
