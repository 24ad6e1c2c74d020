"use strict";
(() => {
  const call = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const scroll = byId("scroll"), spacer = byId("spacer"), canvas = byId("waves"), tip = byId("tip"), table = byId("rows");
  const rows = Array.from(table.tBodies[0].rows);
  const times = rows.map((row) => Number(row.dataset.at));
  const pen = canvas.getContext("2d");

  /* Heights in CSS pixels, from the top: name, ribbon, caller, name, heard, ribbon, marks, silences, axis. */
  const HEIGHT = 364, LABEL = 18, RIBBON = 22, LANE = 104, GAP = 26;
  const TOP = LABEL + RIBBON + 4, LOWER = TOP + LANE + GAP, WORDS = LOWER + LANE + 4, MARKS = WORDS + RIBBON + 10, AXIS = HEIGHT - 20, SILENT = AXIS - 20;
  const MOST_ZOOM = 0.6;

  function unpack(text) {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/")), bytes = new Uint8Array(plain.length);
    for (let i = 0; i < plain.length; i++) bytes[i] = plain.charCodeAt(i);
    return bytes;
  }
  const tracks = { caller: unpack(call.caller), heard: unpack(call.heard), unheard: unpack(call.unheard) };

  let width = 0, perMs = 0, cursor = null, now = null, colour = {}, hatch = null;
  const fit = () => width / Math.max(call.durationMs, 1);
  const x = (ms) => ms * perMs - scroll.scrollLeft;
  const at = (px) => (px + scroll.scrollLeft) / perMs;
  const seconds = (ms) => (ms / 1000).toFixed(3) + " s";

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["ink", "soft", "faint", "grid", "caller", "speech", "heard", "unheard", "unheard-ground", "cut", "mark", "key", "cursor", "panel", "wait-model", "wait-tool", "wait-caller", "wait-line"])
      colour[name] = style.getPropertyValue("--" + name).trim();
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const brush = tile.getContext("2d");
    brush.strokeStyle = colour.unheard;
    brush.lineWidth = 1.6;
    for (const shift of [-6, 0, 6]) { brush.beginPath(); brush.moveTo(shift, 6); brush.lineTo(shift + 6, 0); brush.stroke(); }
    hatch = pen.createPattern(tile, "repeat");
  }

  /* ---- drawing ---- */

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(HEIGHT * ratio);
      canvas.style.width = width + "px";
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    drawAxis();
    drawGrounds();
    drawTrack(tracks.unheard, LOWER, hatch, 1);
    drawTrack(tracks.caller, TOP, colour.caller, 1);
    drawTrack(tracks.heard, LOWER, colour.heard, 1);
    drawRibbons();
    drawSilences();
    drawMarks();
    drawCuts();
    if (cursor !== null) line(x(cursor), 0, AXIS, colour.cursor, 1);
    showHead();
  }

  function drawAxis() {
    const step = [100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000, 600000].find((ms) => ms * perMs >= 72) || 1800000;
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "alphabetic";
    for (let ms = Math.floor(at(0) / step) * step; x(ms) < width; ms += step) {
      line(x(ms), TOP, AXIS, colour.grid, 1);
      pen.fillStyle = colour.soft;
      const text = label(ms, step), half = pen.measureText(text).width / 2 + 2;
      pen.textAlign = "center";
      if (x(ms) >= 0) pen.fillText(text, Math.min(Math.max(x(ms), half), width - half), HEIGHT - 6);
    }
    for (const lane of [TOP, LOWER]) { pen.fillStyle = colour.faint; pen.fillRect(0, lane + LANE / 2 - .5, width, 1); }
  }

  function label(ms, step) {
    const whole = Math.floor(ms / 1000), minutes = Math.floor(whole / 60);
    const rest = step < 1000 ? (ms / 1000 - minutes * 60).toFixed(1) : String(whole - minutes * 60);
    return minutes ? minutes + ":" + rest.padStart(step < 1000 ? 4 : 2, "0") : rest + " s";
  }

  function drawGrounds() {
    for (const turn of call.turns) {
      if (turn.who === "caller") box(turn.from, turn.to, TOP, LANE, colour.speech);
      else if (!call.audio) { pen.globalAlpha = .16; box(turn.from, turn.to, LOWER, LANE, colour.heard); pen.globalAlpha = 1; }
      if (turn.unheardTo !== null) box(Math.max(turn.cut, 0), turn.unheardTo, LOWER, LANE, colour["unheard-ground"]);
    }
  }

  function drawTrack(track, top, style, step) {
    const middle = top + LANE / 2, window = call.windowMs;
    pen.fillStyle = style;
    for (let px = 0; px < width; px += step) {
      const from = Math.floor(at(px) / window), to = Math.max(from + 1, Math.ceil(at(px + step) / window));
      let high = 0;
      for (let i = Math.max(from, 0); i < to && i < track.length; i++) if (track[i] > high) high = track[i];
      if (!high) continue;
      const half = Math.max(1, high / 255 * (LANE / 2 - 3));
      pen.fillRect(px, middle - half, step, 2 * half);
    }
  }

  function drawRibbons() {
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    for (const turn of call.turns) {
      const top = turn.who === "caller" ? LABEL + 2 : WORDS, own = turn.who === "caller" ? colour.caller : colour.heard;
      const left = x(turn.from), right = Math.max(x(turn.to), left + 3);
      if (right < 0 || left > width) continue;
      pen.globalAlpha = .16;
      pen.fillStyle = own;
      pen.fillRect(left, top, right - left, RIBBON - 4);
      pen.globalAlpha = 1;
      pen.fillRect(left, top, 2, RIBBON - 4);
      words(turn.text, Math.max(left, 0) + 6, right - 4, top + RIBBON / 2 - 2, colour.ink);
      if (turn.unheardTo === null) continue;
      const end = x(turn.unheardTo);
      pen.globalAlpha = .35;
      pen.fillStyle = hatch;
      pen.fillRect(right, top, Math.max(end - right, 0), RIBBON - 4);
      pen.globalAlpha = 1;
      words(turn.unheardText, Math.max(right, 0) + 6, end - 4, top + RIBBON / 2 - 2, colour.unheard);
    }
  }

  function words(text, left, right, middle, style) {
    if (!text || right - left < 24) return;
    pen.save();
    pen.beginPath();
    pen.rect(left, middle - 10, right - left, 20);
    pen.clip();
    pen.fillStyle = style;
    pen.fillText(shortened(text, right - left), left, middle + .5);
    pen.restore();
  }

  function shortened(text, room) {
    if (pen.measureText(text).width <= room) return text;
    let low = 0, high = text.length;
    while (low < high) {
      const half = Math.ceil((low + high) / 2);
      if (pen.measureText(text.slice(0, half) + "\u2026").width <= room) low = half; else high = half - 1;
    }
    return low > 1 ? text.slice(0, low).trimEnd() + "\u2026" : "";
  }

  const CAUSES = { model: "model", tool: "tool", caller: "caller", line: "line" };

  function drawSilences() {
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    for (const pause of call.silences) {
      for (const part of pause.parts) {
        const left = x(part.from), right = x(part.to);
        if (right < 0 || left > width) continue;
        pen.fillStyle = colour["wait-" + part.cause];
        pen.globalAlpha = .3;
        pen.fillRect(left, SILENT, Math.max(right - left - 1, 1), 16);
        pen.globalAlpha = 1;
        pen.fillRect(left, SILENT, Math.max(right - left - 1, 1), 2);
        words(CAUSES[part.cause], Math.max(left, 0) + 5, right - 3, SILENT + 9, colour.ink);
      }
    }
  }

  function drawMarks() {
    for (const mark of call.marks) {
      const px = x(mark.due);
      if (px < -8 || px > width + 8) continue;
      pen.beginPath();
      pen.arc(px, MARKS, 4, 0, 2 * Math.PI);
      pen.lineWidth = 1.6;
      pen.strokeStyle = colour.mark;
      pen.fillStyle = mark.back === null ? colour.panel : colour.mark;
      pen.fill();
      pen.stroke();
      if (mark.back !== null && Math.abs(x(mark.back) - px) > 5) {
        pen.fillRect(Math.min(px, x(mark.back)), MARKS - .75, Math.abs(x(mark.back) - px), 1.5);
      }
    }
    for (const key of call.keys) {
      pen.save();
      pen.translate(x(key.at), TOP + LANE - 8);
      pen.rotate(Math.PI / 4);
      pen.fillStyle = colour.key;
      pen.fillRect(-4, -4, 8, 8);
      pen.restore();
    }
  }

  function drawCuts() {
    for (const cut of call.bargeIns) {
      line(x(cut.at), LABEL + 2, MARKS + 6, colour.cut, 2);
      pen.fillStyle = colour.cut;
      pen.beginPath();
      pen.moveTo(x(cut.at), LOWER - GAP / 2 - 6);
      pen.lineTo(x(cut.at) + 9, LOWER - GAP / 2);
      pen.lineTo(x(cut.at), LOWER - GAP / 2 + 6);
      pen.fill();
    }
  }

  function line(px, top, bottom, style, thick) {
    pen.fillStyle = style;
    pen.fillRect(Math.round(px - thick / 2), top, thick, bottom - top);
  }

  function box(from, to, top, height, style) {
    pen.fillStyle = style;
    pen.fillRect(x(from), top, Math.max((to - from) * perMs, 1), height);
  }

  /* ---- zoom and size ---- */

  function zoomTo(wanted, anchorPx) {
    const ms = at(anchorPx);
    perMs = Math.min(Math.max(wanted, fit()), Math.max(MOST_ZOOM, fit()));
    spacer.style.width = Math.max(width, Math.ceil(call.durationMs * perMs)) + "px";
    scroll.scrollLeft = ms * perMs - anchorPx;
    draw();
  }

  function resize() {
    const whole = perMs === 0 || Math.abs(perMs - fit()) < 1e-9;
    width = scroll.clientWidth;
    zoomTo(whole ? 0 : perMs, 0);
  }

  const anchor = () => (cursor !== null && x(cursor) >= 0 && x(cursor) <= width ? x(cursor) : width / 2);
  byId("in").addEventListener("click", () => zoomTo(perMs * 1.8, anchor()));
  byId("out").addEventListener("click", () => zoomTo(perMs / 1.8, anchor()));
  byId("fit").addEventListener("click", () => zoomTo(0, 0));
  scroll.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomTo(perMs * Math.exp(-event.deltaY / 300), event.offsetX);
  }, { passive: false });

  /* ---- the cursor, the tip and the table ---- */

  function put(ms, { reveal = false, follow = false } = {}) {
    cursor = Math.min(Math.max(ms, 0), call.durationMs);
    if (follow) bringIntoView(cursor);
    if (!playing()) choose(rowAt(cursor), reveal);
    draw();
  }

  function bringIntoView(ms) {
    if (x(ms) < 20 || x(ms) > width - 20) scroll.scrollLeft = ms * perMs - width / 2;
  }

  function choose(row, reveal) {
    if (row !== now) {
      if (now) now.classList.remove("now");
      if (row) row.classList.add("now");
      now = row;
    }
    if (row && reveal) bringRowIntoView(row);
  }

  /* Only where the waveforms stay: elsewhere they would be taken away from under the pointer. */
  function bringRowIntoView(row) {
    if (getComputedStyle(document.querySelector(".waves")).position === "sticky") row.scrollIntoView({ block: "nearest" });
  }

  /* The last shown row at or before a time; half a millisecond of grace for the rounding of its own time. */
  function rowAt(ms) {
    let low = 0, high = rows.length;
    while (low < high) {
      const half = (low + high) >> 1;
      if (times[half] <= ms + .5) low = half + 1; else high = half;
    }
    const shown = (row) => !(row.matches(".minor") && table.matches(".no-minor")) && !(row.matches(".event") && table.matches(".no-events"));
    while (low > 0 && !shown(rows[low - 1])) low -= 1;
    return low > 0 ? rows[low - 1] : null;
  }

  function part(className, text) {
    const p = document.createElement("p");
    p.className = className;
    p.textContent = text;
    return p;
  }

  function tell(px, py) {
    const ms = at(px), near = 6 / perMs, parts = [];
    const head = document.createElement("b");
    head.textContent = seconds(ms);
    parts.push(head);
    for (const cut of call.bargeIns) {
      if (Math.abs(cut.at - ms) < near)
        parts.push(part("cut", "Barge-in at " + seconds(cut.at) + ": " + (cut.item || "nothing") + " heard for " + Math.floor(cut.heard) + " ms" + (cut.unheard === null ? "" : ", " + Math.round(cut.unheard) + " ms never heard")));
    }
    for (const turn of call.turns) {
      const end = turn.unheardTo === null ? turn.to : Math.max(turn.to, turn.unheardTo);
      if (ms < turn.from || ms > end) continue;
      if (turn.who === "caller") parts.push(part("caller", "Caller: " + (turn.text || "(no transcript)")));
      else if (ms <= turn.to) parts.push(part("bot", turn.item + ": " + (turn.text || "(no transcript)")));
      else parts.push(part("", "Never heard of " + turn.item + ": " + (turn.unheardText || "(no transcript)")));
    }
    for (const pause of call.silences) if (ms >= pause.from && ms <= pause.to) parts.push(part("", pause.words));
    for (const mark of call.marks) {
      if (Math.abs(mark.due - ms) < near)
        parts.push(part("mark", "Mark " + mark.name + (mark.back === null ? ", never came back" : ", back " + Math.round(mark.back - mark.due) + " ms after it was due")));
    }
    for (const key of call.keys) if (Math.abs(key.at - ms) < near) parts.push(part("", "Caller " + key.text));
    tip.replaceChildren(...parts);
    tip.hidden = false;
    tip.style.left = Math.max(4, Math.min(px + 14, width - tip.offsetWidth - 8)) + "px";
    tip.style.top = Math.min(py + 16, HEIGHT - 20) + "px";
  }

  canvas.addEventListener("pointermove", (event) => { tell(event.offsetX, event.offsetY); put(at(event.offsetX)); });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("click", (event) => { tell(event.offsetX, event.offsetY); go(at(event.offsetX), { reveal: true }); });
  scroll.addEventListener("keydown", (event) => {
    const step = (event.shiftKey ? 1000 : 100) * { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { event.preventDefault(); go((sound ? headMs() : cursor || 0) + step, { reveal: true, follow: true }); }
    if (event.key === "+") zoomTo(perMs * 1.8, anchor());
    if (event.key === "-") zoomTo(perMs / 1.8, anchor());
    if (event.key === "0") zoomTo(0, 0);
  });
  for (const row of rows) {
    const here = () => go(Number(row.dataset.at), { follow: true });
    row.addEventListener("click", here);
    row.addEventListener("keydown", (event) => { if (event.key === "Enter") here(); });
  }
  byId("show-events").addEventListener("change", (event) => table.classList.toggle("no-events", !event.target.checked));
  byId("show-minor").addEventListener("change", (event) => table.classList.toggle("no-minor", !event.target.checked));

  /* ---- the sound ---- */

  const sound = call.sound, audio = sound ? new Audio() : null, head = byId("head");
  const playing = () => audio !== null && !audio.paused;
  const headMs = () => sound.start + audio.currentTime * 1000;
  const minutes = (s) => Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");

  /* Mu-law (G.711) as 16-bit PCM, in a WAV with a track for each side. */
  function wav(caller, heard) {
    const linear = Int16Array.from({ length: 256 }, (_, byte) => {
      const bits = ~byte & 255, size = (((bits & 15) << 3) + 132 << (bits >> 4 & 7)) - 132;
      return bits & 128 ? -size : size;
    });
    const frames = caller.length, view = new DataView(new ArrayBuffer(44 + 4 * frames));
    const text = (at, word) => Array.from(word).forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
    const fields = [[16, 16, 4], [20, 1, 2], [22, 2, 2], [24, 8000, 4], [28, 32000, 4], [32, 4, 2], [34, 16, 2]];
    text(0, "RIFF"); text(8, "WAVEfmt "); text(36, "data");
    view.setUint32(4, 36 + 4 * frames, true);
    view.setUint32(40, 4 * frames, true);
    for (const [at, value, size] of fields) size === 4 ? view.setUint32(at, value, true) : view.setUint16(at, value, true);
    for (let i = 0; i < frames; i++) {
      view.setInt16(44 + 4 * i, linear[caller[i]], true);
      view.setInt16(46 + 4 * i, linear[heard[i]], true);
    }
    return new Blob([view], { type: "audio/wav" });
  }

  /* To a time: the cursor goes there, and the sound with it. */
  function go(ms, how) {
    if (audio) {
      const end = Number.isFinite(audio.duration) ? audio.duration : sound.seconds;
      audio.currentTime = Math.min(Math.max((ms - sound.start) / 1000, 0), end);
      sounded();
    }
    put(ms, how);
    if (playing()) choose(rowAt(headMs()), how && how.reveal);
  }

  function showHead() {
    if (!audio) return;
    const px = x(headMs());
    head.hidden = px < 0 || px > width;
    head.style.transform = "translateX(" + px + "px)";
  }

  function sounded() {
    byId("play").textContent = playing() ? "Pause" : "Play";
    byId("clock").textContent = minutes(headMs() / 1000) + " of " + minutes(sound.start / 1000 + sound.seconds);
    showHead();
  }

  function run() {
    if (!playing()) return;
    bringIntoView(headMs());
    choose(rowAt(headMs()), true);
    sounded();
    requestAnimationFrame(run);
  }

  function toggle() {
    if (playing()) audio.pause();
    else if (!byId("play").disabled) audio.play().catch(failed);
  }

  function failed() {
    byId("play").disabled = true;
    byId("clock").textContent = "the sound can't be played";
  }

  if (sound) {
    audio.src = sound.beside || URL.createObjectURL(wav(unpack(sound.caller), unpack(sound.heard)));
    audio.addEventListener("error", failed);
    audio.addEventListener("play", () => { sounded(); run(); });
    audio.addEventListener("loadedmetadata", () => { byId("play").disabled = false; });
    for (const kind of ["pause", "ended", "seeked", "loadedmetadata"]) audio.addEventListener(kind, sounded);
    byId("play").addEventListener("click", toggle);
    byId("speed").addEventListener("change", (event) => { audio.playbackRate = Number(event.target.value); });
    document.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.closest("button, input, select")) return;
      event.preventDefault();
      toggle();
    });
  }

  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); draw(); });
  new ResizeObserver(resize).observe(scroll);
  readColours();
  resize();
  if (sound) sounded();
})();
