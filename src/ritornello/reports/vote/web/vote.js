"use strict";
// Pairs are drawn for each voter: rounds in which every model is heard once, so that all are compared about as often.
(() => {
  const find = (id) => document.getElementById(id);
  const bytes = Uint8Array.from(atob(JSON.parse(find("vote").textContent)), (sign) => sign.charCodeAt(0));
  const vote = JSON.parse(new TextDecoder().decode(bytes));
  const names = Object.keys(vote.models);
  const place = `ritornello-vote-${vote.vote}`;

  const below = (n) => Math.floor((crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32) * n);
  const shuffled = (items) => {
    const all = [...items];
    for (let i = all.length - 1; i > 0; i -= 1) {
      const j = below(i + 1);
      [all[i], all[j]] = [all[j], all[i]];
    }
    return all;
  };
  const drawn = () => {
    const pairs = [];
    let waiting = [];
    while (pairs.length < vote.pairs) {
      for (const name of shuffled(names)) {
        const other = waiting.findIndex((one) => one !== name);
        if (other < 0) waiting.push(name);
        else pairs.push(shuffled([waiting.splice(other, 1)[0], name]));
      }
    }
    return pairs.slice(0, vote.pairs).map(([a, b]) => ({
      a, b, a_tune: below(vote.models[a].length), b_tune: below(vote.models[b].length),
    }));
  };

  // A page that is loaded again goes on where it was, where the browser remembers anything for a file.
  const kept = () => {
    try { return JSON.parse(sessionStorage.getItem(place)); } catch { return null; }
  };
  const keep = () => {
    try { sessionStorage.setItem(place, JSON.stringify(state)); } catch { /* it goes on without */ }
  };
  let state = null;

  const show = (id) => {
    for (const section of ["start", "pair", "end"]) find(section).hidden = section !== id;
  };
  const showPair = (focus) => {
    if (state.answers.length === state.pairs.length) {
      const { pairs, ...file } = state;
      const text = JSON.stringify({ format: vote.format, vote: vote.vote, models: names, ...file }, null, 1);
      find("save").href = `data:application/json;charset=utf-8,${encodeURIComponent(text)}`;
      find("save").download = `vote-${state.voter}.json`;
      show("end");
      if (focus) find("thanks").focus();
      return;
    }
    const pair = state.pairs[state.answers.length];
    find("count").textContent = `Pair ${state.answers.length + 1} of ${state.pairs.length}`;
    for (const side of ["a", "b"]) {
      find(side).src = `data:audio/mpeg;base64,${vote.models[pair[side]][pair[`${side}_tune`]]}`;
    }
    find("answer").reset();
    show("pair");
    if (focus) find("count").focus();
  };

  for (const [one, other] of [["a", "b"], ["b", "a"]]) find(one).addEventListener("play", () => find(other).pause());
  find("about").addEventListener("submit", (event) => {
    event.preventDefault();
    const voter = [...crypto.getRandomValues(new Uint8Array(6))].map((n) => n.toString(16).padStart(2, "0")).join("");
    state = { voter, expert: new FormData(event.target).get("expert") === "yes", answers: [], pairs: drawn() };
    keep();
    showPair(true);
  });
  find("answer").addEventListener("submit", (event) => {
    event.preventDefault();
    for (const side of ["a", "b"]) find(side).pause();
    const given = new FormData(event.target);
    state.answers.push({ ...state.pairs[state.answers.length], liking: given.get("liking"), style: given.get("style") });
    keep();
    showPair(true);
  });
  find("again").addEventListener("click", () => {
    try { sessionStorage.removeItem(place); } catch { /* nothing was kept */ }
    find("about").reset();
    state = null;
    show("start");
  });

  state = kept();
  if (state) showPair(false);
})();
