'use strict';
// Filters and order of the cases. Without it all cases stand there, task by task.
(() => {
  const form = document.getElementById('filters');
  const list = document.getElementById('case-list');
  const count = document.getElementById('count');
  if (!form || !list || !count) return;
  const cases = Array.from(list.children);
  const field = (name) => form.elements.namedItem(name);
  const value = (name) => (field(name) ? field(name).value : '');
  const score = (one, run) => {
    const text = one.dataset.scores.split('|')[run];
    return text === undefined || text === '' ? NaN : Number(text);
  };
  const gain = (one) => score(one, 1) - score(one, 0);
  // Numbers from high to low; what has none comes last. Equal ones stay as they were.
  const falling = (key) => (a, b) => {
    const x = key(a), y = key(b);
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return y - x;
  };
  const types = Array.from(field('type').options).slice(1);

  function fitTypes() {   // only the types of the chosen task
    const task = value('task');
    for (const option of types) {
      const there = !task || option.dataset.tasks.split('|').includes(task);
      option.hidden = option.disabled = !there;
      if (!there && option.selected) field('type').value = '';
    }
  }

  function apply() {
    fitTypes();
    const task = value('task'), type = value('type'), words = value('words').toLowerCase();
    const run = Number(value('run') || 0);
    const low = value('low') === '' ? -Infinity : Number(value('low'));
    const high = value('high') === '' ? Infinity : Number(value('high'));
    const bounded = low > -Infinity || high < Infinity;
    let shown = 0;
    for (const one of cases) {
      const earned = score(one, run);
      const fits = (!task || one.dataset.task === task) &&
        (!type || one.dataset.type.split('|').includes(type)) &&
        (!bounded || (earned >= low && earned <= high)) &&
        (!words || one.textContent.toLowerCase().includes(words));
      one.hidden = !fits;
      if (fits) ++shown;
    }
    const order = {
      low: falling((one) => -score(one, run)),
      high: falling((one) => score(one, run)),
      gain: falling(gain),
      loss: falling((one) => -gain(one)),
    }[value('sort')];
    list.append(...(order ? cases.slice().sort(order) : cases));
    count.textContent = shown + ' of ' + cases.length + (cases.length === 1 ? ' case' : ' cases');
  }

  form.hidden = false;
  form.addEventListener('input', apply);
  form.addEventListener('change', apply);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(apply));
  apply();
})();
