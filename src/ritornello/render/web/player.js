"use strict";
// Every melody has its own audio element; cursor, clock and lit notes follow its currentTime, never a clock of their own.
(() => {
  const clockText = (seconds) => {
    const whole = Math.floor(seconds + 1e-6);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  };

  // Time runs evenly between two pairs of the map; in both directions.
  const between = (map, value, from, to) => {
    let i = 1;
    while (i < map.length - 1 && map[i][from] < value) i += 1;
    const [a, b] = [map[i - 1], map[i]];
    const share = b[from] > a[from] ? (value - a[from]) / (b[from] - a[from]) : 0;
    return a[to] + Math.min(Math.max(share, 0), 1) * (b[to] - a[to]);
  };

  // The notes that have begun and still sound: one of a melody, several of a piece.
  const soundingAt = (notes, time) => notes.filter((note) => note.start <= time && time < note.end);

  // A click of a metronome: a short sine that dies away, higher at the beginning of a bar.
  let clock = null;
  const click = (isFirst) => {
    clock = clock || new AudioContext();
    const [sine, gain] = [clock.createOscillator(), clock.createGain()];
    sine.frequency.value = isFirst ? 1760 : 1320;
    gain.gain.setValueAtTime(0.25, clock.currentTime);
    gain.gain.exponentialRampToValueAtTime(1e-4, clock.currentTime + 0.05);
    sine.connect(gain).connect(clock.destination);
    sine.start();
    sine.stop(clock.currentTime + 0.06);
  };

  const cursorOn = (roll) => {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const height = roll.viewBox.baseVal.height;
    for (const [name, value] of [["class", "cursor"], ["x1", 0], ["x2", 0], ["y1", 14], ["y2", height - 4]]) {
      line.setAttribute(name, value);
    }
    roll.insertBefore(line, roll.querySelector(".keyboard"));
    return line;
  };

  // Bars are chosen by a first and a last click; the next click begins anew.
  const chooseBars = (tune) => {
    const choice = tune.querySelector(".bar-choice");
    if (!choice) return;
    const [code, hint] = [choice.querySelector("code"), choice.querySelector(".hint")];
    const buttons = [...choice.querySelectorAll("button")];
    const times = choice.dataset.times.split(" ").map(Number);
    const roll = tune.querySelector(".roll");
    const map = roll.dataset.map.split(" ").map((pair) => pair.split(",").map(Number));
    const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    ground.setAttribute("class", "chosen");
    ground.setAttribute("y", 14);
    ground.setAttribute("height", roll.viewBox.baseVal.height - 18);
    let chosen = [];
    const show = () => {
      const [first, last] = [Math.min(...chosen), Math.max(...chosen)];
      buttons.forEach((button, n) => button.setAttribute("aria-pressed", String(first <= n && n <= last)));
      code.textContent = choice.dataset.call.replace("{bars}", `(${first + 1}, ${last + 1})`);
      [code.hidden, hint.hidden] = [false, true];
      const [left, right] = [times[first], times[last + 1]].map((time) => between(map, time, 0, 1));
      ground.setAttribute("x", left);
      ground.setAttribute("width", right - left);
      roll.insertBefore(ground, roll.querySelector(".keyboard"));
    };
    buttons.forEach((button, n) => button.addEventListener("click", () => {
      chosen = chosen.length === 1 ? [chosen[0], n] : [n];
      show();
    }));
  };

  const tintStaff = (tune) => {
    const button = tune.querySelector(".tint");
    if (!button) return;
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(tune.classList.toggle("tinted")));
    });
  };

  const setUp = (tune) => {
    const audio = tune.querySelector("audio");
    const roll = tune.querySelector(".roll");
    if (!roll) return;
    const box = tune.querySelector(".roll-scroll");
    const keyboard = roll.querySelector(".keyboard");
    const scale = () => roll.getBoundingClientRect().width / roll.viewBox.baseVal.width;
    box.addEventListener("scroll", () => {
      keyboard.setAttribute("transform", `translate(${box.scrollLeft / scale()} 0)`);
    }, { passive: true });
    if (!audio) return;

    const button = tune.querySelector(".play");
    const now = tune.querySelector(".now");
    const seek = tune.querySelector(".seek");
    const map = roll.dataset.map.split(" ").map((pair) => pair.split(",").map(Number));
    const notes = [...roll.querySelectorAll(".note")].map((rect) => ({
      start: Number(rect.dataset.start),
      end: Number(rect.dataset.start) + Number(rect.dataset.duration),
      signs: [...tune.querySelectorAll(`.note[data-note="${rect.dataset.note}"]`)],
    }));
    const cursor = cursorOn(roll);
    const length = Number(seek.max);
    const name = button.getAttribute("aria-label").replace(/^Play /, "");
    let lit = [];

    const follow = (x) => {
      const place = x * scale();
      const left = box.scrollLeft + keyboard.getBBox().width * scale();
      const right = box.scrollLeft + box.clientWidth;
      if (place < left || place > right - 24) box.scrollLeft = place - box.clientWidth * 0.25;
    };

    const draw = () => {
      const time = audio.currentTime;
      const x = between(map, time, 0, 1);
      cursor.setAttribute("transform", `translate(${x.toFixed(2)} 0)`);
      now.textContent = clockText(time);
      seek.value = time;
      seek.style.setProperty("--done", `${((100 * time) / length).toFixed(2)}%`);
      seek.setAttribute("aria-valuetext", `${clockText(time)} of ${clockText(length)}`);
      const sounding = audio.paused && time === 0 ? [] : soundingAt(notes, time);
      const light = (note, isOn) => note.signs.forEach((sign) => sign.classList.toggle("sounding", isOn));
      lit.filter((note) => !sounding.includes(note)).forEach((note) => light(note, false));
      sounding.filter((note) => !lit.includes(note)).forEach((note) => light(note, true));
      lit = sounding;
      return x;
    };

    // The clicks of the metronome are made here; each sounds within a frame of its beat.
    const loop = tune.querySelector(".loop");
    const clicks = tune.querySelector(".clicks");
    const rate = tune.querySelector(".rate");
    const beats = (clicks.dataset.beats || "").split(" ").map((pair) => pair.split(",").map(Number));
    let last = -1;
    const isOn = (toggle) => toggle.getAttribute("aria-pressed") === "true";
    for (const toggle of [loop, clicks]) {
      toggle.addEventListener("click", () => toggle.setAttribute("aria-pressed", String(!isOn(toggle))));
    }
    rate.addEventListener("change", () => {
      audio.preservesPitch = true;
      audio.playbackRate = Number(rate.value);
    });
    const tick = (time) => {
      if (isOn(clicks) && time > last) {
        const beat = beats.find(([at]) => at > last && at <= time);
        if (beat) click(beat[1] === 1);
      }
      last = time;
    };

    const run = () => {
      const x = draw();
      if (audio.paused) return;
      tick(audio.currentTime + 1e-3);
      if (box.scrollWidth > box.clientWidth + 1) follow(x);
      requestAnimationFrame(run);
    };

    const go = (time) => {
      audio.currentTime = Math.min(Math.max(time, 0), audio.duration || length);
      draw();
    };

    const seekTo = (event) => {
      const box = roll.getBoundingClientRect();
      go(between(map, (event.clientX - box.left) / scale(), 1, 0));
    };

    button.addEventListener("click", () => (audio.paused ? audio.play().catch(() => {}) : audio.pause()));
    seek.addEventListener("input", () => go(Number(seek.value)));
    roll.addEventListener("click", seekTo);
    roll.addEventListener("pointermove", (event) => {
      if (event.buttons === 1 && event.pointerType === "mouse") seekTo(event);
    });
    const restart = () => { last = audio.currentTime - 1e-3; };
    audio.addEventListener("seeked", restart);
    audio.addEventListener("play", () => {
      restart();
      tune.classList.add("playing");
      button.setAttribute("aria-label", `Pause ${name}`);
      run();
    });
    audio.addEventListener("pause", () => {
      tune.classList.remove("playing");
      button.setAttribute("aria-label", `Play ${name}`);
    });
    audio.addEventListener("ended", () => {
      go(0);
      if (isOn(loop)) audio.play().catch(() => {});
    });
    tune.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || /^(BUTTON|SELECT|INPUT|A|SUMMARY)$/.test(event.target.tagName)) return;
      const steps = { ArrowLeft: -1, ArrowRight: 1 };
      if (event.key === " ") button.click();
      else if (event.key in steps) go(audio.currentTime + steps[event.key]);
      else return;
      event.preventDefault();
    });
    audio.addEventListener("seeked", draw);
    for (const link of tune.querySelectorAll("a[data-sound]")) link.href = audio.src;
    tune.classList.add("ready");
    draw();
  };

  // One plays at a time: in this page by the play event, in the other frames of a notebook by a message.
  const hush = (except) => {
    for (const audio of document.querySelectorAll("audio")) if (audio !== except) audio.pause();
  };
  document.addEventListener("play", (event) => {
    hush(event.target);
    if (window.parent === window) return;
    for (let i = 0; i < window.parent.frames.length; i += 1) {
      const frame = window.parent.frames[i];
      if (frame !== window) frame.postMessage("ritornello: playing", "*");
    }
  }, true);
  window.addEventListener("message", (event) => {
    if (event.data === "ritornello: playing") hush(null);
  });

  // A frame opened by itself is a page.
  if (window.parent === window) document.body.classList.replace("frame", "page");
  document.querySelectorAll(".tune").forEach(setUp);
  document.querySelectorAll(".tune").forEach(chooseBars);
  document.querySelectorAll(".tune").forEach(tintStaff);
})();
