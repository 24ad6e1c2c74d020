"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const VIEWS = ["live", "calls", "day", "webhooks", "tools", "instructions", "settings"];
  const REASONS = ["caller_hung_up", "bot_hung_up", "transferred", "idle", "time_limit", "spend_limit", "model_unavailable", "line_lost", "drained", "refused", "internal_error", "crashed", "live"];
  const words = (name) => name.replaceAll("_", " ");
  const usd = (sum) => "$" + sum.toFixed(sum < 1 ? 4 : 2);
  const length = (s) => (s < 60 ? s.toFixed(0) + " s" : Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0"));
  const party = (number) => (number === "client:browser-phone" ? "browser phone" : number);
  const moment = (at) => new Date(at * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "medium" });

  /* Text is always text: nothing that a caller or a model said is ever taken for markup. */
  function make(tag, className, ...content) {
    const one = document.createElement(tag);
    if (className) one.className = className;
    one.append(...content);
    return one;
  }

  function complain(text) {
    byId("problem").textContent = text;
    byId("problem").hidden = !text;
  }

  async function ask(path, options) {
    let answer;
    try {
      answer = await fetch("console/api/" + path, options);
    } catch (error) {
      complain("The server can't be reached.");
      throw error;
    }
    if (answer.status === 401) location.reload();
    const json = (answer.headers.get("Content-Type") || "").includes("json");
    const told = json ? await answer.json() : { problem: (await answer.text()).trim() };
    complain(answer.ok ? "" : told.problem || "The server answered " + answer.status + ".");
    if (!answer.ok) throw new Error(told.problem);
    return told;
  }

  const post = (path, body) => ask(path, { method: "POST", body: body ? JSON.stringify(body) : null });

  /* ---- live calls ---- */

  const cards = new Map();
  const STATES = { opening: "being connected", listening: "the line is quiet", hearing: "the caller speaks", thinking: "the bot thinks", speaking: "the bot speaks", closing: "the bot says goodbye" };

  function card(row) {
    const one = make("article", "card"), said = make("div", "said"), state = make("span", "state"), facts = make("div", "facts"), time = make("span");
    let began = 0;
    const hint = make("form"), text = make("input"), act = make("div", "act"), stop = make("button", "stop", "Hang up"), listen = make("button", "plain", "Listen");
    text.placeholder = "Hint for the model";
    text.setAttribute("aria-label", "Hint for the model");
    text.maxLength = 1000;
    hint.append(text, make("button", "", "Send"));
    hint.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!text.value.trim()) return;
      await post("live/" + row.sid + "/hint", { text: text.value });
      note(one, "You to the model: " + text.value.trim());
      text.value = "";
    });
    stop.type = "button";
    stop.addEventListener("click", async () => {
      if (!confirm("Hang up on this caller?")) return;
      stop.disabled = true;
      await post("live/" + row.sid + "/hang-up");
    });
    listen.type = "button";
    listen.addEventListener("click", () => {
      if (listening.sid === row.sid) listening.end();
      else listening.begin(row.sid).catch(() => { listening.end(); complain("This browser can't play the call."); });
    });
    one.listens = () => {
      listen.textContent = listening.sid === row.sid ? "Stop listening" : "Listen";
      listen.setAttribute("aria-pressed", String(listening.sid === row.sid));
    };
    one.listens();
    const take = takeOverButton(row.sid, { make, complain });
    act.append(take);
    act.append(listen, stop);
    if (row.destinations && row.destinations.length) act.append(transfer(one, row));
    one.append(make("h2", "", title(row)), state, facts, said);
    if (row.here) one.append(hint, act);
    else one.append(make("p", "note", "This call is on another instance, where it can be listened to and taken over; here is what the store knows."));
    one.here = row.here;
    one.talk = new Talk(said, {
      tag: "p",
      name: ({ who }) => (who === "caller" ? "Caller: " : "Bot: "),
      tell: (text) => { if ([listening.sid, takingOver.sid].includes(row.sid) || one.contains(document.activeElement)) tell(text); },
    });
    one.tell = (now) => {
      const tools = (now.tools || []).join(", ");
      one.words = (STATES[now.state] || words(now.state)) + (tools ? ", a tool runs: " + tools : "");
      one.operator = now.operator;
      one.takes();
      const parts = [now.profile, now.outgoing ? "answered: " + (words(now.answeredBy || "") || "not yet") : "", time, now.turns + (now.turns === 1 ? " turn" : " turns"), now.interruptions ? now.interruptions + (now.interruptions === 1 ? " interruption" : " interruptions") : "", usd(now.usd), one.waited || ""];
      facts.replaceChildren(...parts.filter(Boolean).map((part) => (part === time ? time : make("span", "", part))));
      began = performance.now() / 1000 - now.seconds;
      one.runsOn();
    };
    one.runsOn = () => { time.textContent = length(performance.now() / 1000 - began); };
    one.takes = () => {
      const mine = takingOver.words(row.sid), other = one.operator;
      take.show(other);
      listen.hidden = takingOver.sid === row.sid;
      const theirs = other ? other.by + (other.speaks ? " speaks with the caller" : " waits to speak with the caller") : "";
      state.textContent = mine || theirs || one.words || "";
    };
    if (row.last) one.talk[row.last.number ? "turn" : "caption"]({ ...row.last, atMs: 0 });
    return one;
  }

  function title(row) {
    if (row.outgoing) return "Bot calls " + row.to;
    return party(row.from) + (row.to ? " to " + row.to : "");
  }

  /* To whom the caller may be put through: the choice, and at once the wish, which is confirmed. */
  function transfer(one, row) {
    const to = make("select");
    to.setAttribute("aria-label", "Transfer the caller");
    to.append(new Option("Transfer to", ""), ...row.destinations.map((name) => new Option(name, name)));
    to.addEventListener("change", async () => {
      const name = to.value;
      to.value = "";
      if (!name || !confirm("Transfer this caller to " + name + "?")) return;
      await post("live/" + row.sid + "/transfer", { destination: name });
      note(one, "You: transfer to " + name);
    });
    return to;
  }

  /* Of many calls at once nobody could listen to all: read aloud is the one that is listened to, or that has the focus. */
  const tell = spoken(byId("spoken"));
  const note = (one, text, what = {}) => one.talk.note(text, what.atMs, what.item);

  const news = {
    caption: (one, what) => one.talk.caption(what),
    turn: (one, what) => one.talk.turn(what),
    wait: (one, what) => { if (what.what === "byte_heard") one.waited = "answered after " + what.ms + " ms"; },
    interrupted: (one, what) => what.receivedMs && note(one, "interrupted: " + (what.heardMs / 1000).toFixed(1) + " s of " + (what.receivedMs / 1000).toFixed(1) + " s heard", what),
    tool: (one, what) => note(one, "tool " + what.name + ": " + what.state, what),
    transfer: (one, what) => note(one, "transfer" + (what.to ? " to " + what.to : "") + " " + what.state + (what.why ? " (" + what.why + ")" : ""), what),
    warning: (one, what) => note(one, "warning: " + what.event, what),
    ended: (one, what) => what.reason && note(one, "ended: " + words(what.reason), what),
  };

  listening.changed = () => { for (const one of cards.values()) one.listens(); };

  news.operator = (one, what) => {
    note(one, what.by + " " + what.state + (what.why && what.why !== "asked" ? " (" + words(what.why) + ")" : ""));
    one.operator = what.has ? { by: what.by, speaks: true } : null;
    one.takes();
  };
  takingOver.changed = () => { for (const one of cards.values()) one.takes(); };
  takingOver.told = (sid, text) => {
    if (text.startsWith("the call is over")) return;  /* the card says why */
    complain("Taking over: " + text + ".");
  };

  /* Calls that are new or have changed, and the SIDs of all. */
  function rows({ calls, all }) {
    const live = new Set(all);
    for (const [sid, one] of cards) if (!live.has(sid)) { one.remove(); cards.delete(sid); }
    for (const row of calls) {
      if (cards.has(row.sid) && cards.get(row.sid).here !== row.here) { cards.get(row.sid).remove(); cards.delete(row.sid); }
      if (!cards.has(row.sid)) { cards.set(row.sid, card(row)); byId("live-rows").append(cards.get(row.sid)); }
      cards.get(row.sid).tell(row);
    }
    byId("live-count").textContent = all.length || "";
    byId("live-none").hidden = all.length > 0;
  }

  setInterval(() => { for (const one of cards.values()) one.runsOn(); }, 1000);

  const source = new EventSource("console/live");
  source.addEventListener("open", () => { byId("line").textContent = "As it happens. Numbers are masked."; });
  source.addEventListener("error", () => { byId("line").textContent = "The connection is lost; trying again."; });
  source.addEventListener("missed", ({ data }) => { byId("line").textContent = "As it happens. This browser was too slow: " + data + " messages are missing below."; });
  source.addEventListener("rows", ({ data }) => rows(JSON.parse(data)));
  source.addEventListener("news", ({ data }) => {
    for (const what of JSON.parse(data)) {
      const one = cards.get(what.sid);
      if (one && news[what.type]) news[what.type](one, what);
    }
  });
  addEventListener("pagehide", () => source.close());

  /* ---- past calls ---- */

  const search = byId("search");
  for (const reason of REASONS) search.elements.reason.append(new Option(words(reason), reason));

  function filters() {
    const asked = new URLSearchParams();
    for (const [name, value] of new FormData(search)) if (value.trim()) asked.set(name, value);
    return asked;
  }

  async function list(before) {
    const asked = filters();
    if (before) asked.set("before", before);
    const { calls, more } = await ask("calls?" + asked);
    if (!before) byId("past").replaceChildren();
    byId("past").append(...calls.map(pastRow));
    byId("past-none").hidden = byId("past").rows.length > 0;
    byId("more").hidden = !more;
    byId("more").onclick = () => list(calls[calls.length - 1].sid);
  }

  function pastRow(call) {
    const open = make("button", "plain", moment(call.startedAt));
    open.type = "button";
    open.addEventListener("click", () => show(call.sid));
    const cells = [open, call.outgoing ? "to " + call.to : party(call.from), words(call.reason), length(call.seconds), call.turns, call.interruptions || "", call.answerMs ? Math.round(call.answerMs) + " ms" : "", usd(call.usd)];
    return make("tr", "", ...cells.map((cell, at) => make("td", at > 2 ? "number" : "", cell)));
  }

  async function show(sid) {
    const call = await ask("calls/" + sid), body = byId("call-body"), facts = make("dl");
    const told = [["Caller", party(call.from)], ["Called", call.to], ["Answered", call.outgoing ? words(call.answeredBy || "nobody knows") : ""], ["Profile", call.profile], ["Started", moment(call.startedAt)], ["Length", length(call.seconds)], ["Ended", words(call.reason)], ["Cost", usd(call.usd)], ["SID", call.sid]];
    if (call.result) told.push(["Result", call.result.disposition], ["Summary", call.result.summary]);
    for (const hook of call.webhooks) told.push(["Webhook " + hook.kind, hook.state + (hook.why ? ": " + hook.why : "")]);
    for (const [name, value] of told) if (value) facts.append(make("dt", "", name), make("dd", "", value));
    const links = make("p"), page = make("a", "", "Waveforms, transcript and sound");
    page.href = "console/calls/" + encodeURIComponent(sid) + "/";
    links.append(page);
    for (const file of call.files) {
      if (!file.here || (file.kind === "export" && !file.flagged)) continue;
      const link = make("a", "", file.flagged ? file.name : file.kind);
      link.href = page.href + encodeURIComponent(file.name);
      links.append(" · ", link);
    }
    body.replaceChildren(facts, links, flagForm(sid));
    byId("call").showModal();
  }

  /* Something went wrong in this call: it becomes a test. */
  function flagForm(sid) {
    const form = make("form", "filters"), label = make("label", "", "Flag as a test, named after what went wrong "), name = make("input");
    const told = make("p", "note");
    name.maxLength = 60;
    name.required = true;
    name.placeholder = "word lost after the cut";
    told.setAttribute("role", "status");
    label.append(name);
    form.append(label, make("button", "", "Flag"), told);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const made = await post("calls/" + sid + "/flag", { name: name.value });
        told.textContent = "Written to " + made.directory + ": " + made.files.join(", ");
      } catch (error) { told.textContent = error.message; }
    });
    return form;
  }

  search.addEventListener("submit", (event) => { event.preventDefault(); list().catch(() => {}); });

  /* ---- a day ---- */

  async function day() {
    const told = await ask("day?" + new URLSearchParams(new FormData(byId("which-day"))));
    const spread = (one) => (one ? one.p50 + " ms" : "-"), late = (one) => (one ? "95 in 100 calls within " + one.p95 + " ms" : "");
    const figures = [
      ["Calls", told.calls, told.live ? told.live + " of them live, of " + told.places + " places" : "of " + told.places + " at once"],
      ["Talked", length(told.seconds), told.interruptions + " interruptions"],
      ["Answers after", spread(told.answerMs), late(told.answerMs)],
      ["Greeting after", spread(told.greetingMs), late(told.greetingMs)],
      ["Cost", usd(told.usd), told.dailyCapUsd ? usd(told.spentTodayUsd) + " of today's " + usd(told.dailyCapUsd) : "no cap for a day"],
    ];
    byId("figures").replaceChildren(...figures.map(([name, value, more]) => make("div", "", make("dt", "", name), make("dd", "", value), make("dd", "note", more))));
    hours(told.hours);
    byId("reasons").replaceChildren(...Object.entries(told.reasons).map(([name, count]) => make("tr", "", make("td", "", words(name)), make("td", "number", count))));
  }

  function hours(counts) {
    const busiest = Math.max(...counts), most = Math.max(1, busiest), space = "http://www.w3.org/2000/svg";
    byId("hours").setAttribute("aria-label", "Calls by hour: " + counts.map((count, hour) => hour + " h " + count).filter((_, hour) => counts[hour]).join(", "));
    byId("hours-axis").replaceChildren(...[0, 6, 12, 18].map((hour) => make("span", "", hour + ":00")), make("span", "most", "at most " + busiest + " an hour"));
    byId("hours").replaceChildren(...counts.map((count, hour) => {
      const svg = document.createElementNS(space, "svg"), bar = document.createElementNS(space, "rect"), title = document.createElementNS(space, "title");
      svg.setAttribute("viewBox", "0 0 10 100");
      svg.setAttribute("preserveAspectRatio", "none");
      const high = count ? Math.max(3, 100 * count / most) : 0;
      for (const [name, value] of [["x", 0], ["width", 10], ["y", 100 - high], ["height", high], ["rx", 1]]) bar.setAttribute(name, value);
      title.textContent = hour + " h: " + count;
      svg.append(title, bar);
      return svg;
    }));
  }

  byId("which-day").addEventListener("submit", (event) => { event.preventDefault(); day().catch(() => {}); });

  /* ---- settings ---- */

  async function settings() {
    const told = await ask("settings");
    const findings = [...told.problems.map((text) => ["bad", text]), ...told.warnings.map((text) => ["", text])];
    if (!told.problems.length) findings.unshift(["good", "Nothing is missing for a real call."]);
    byId("findings").replaceChildren(...findings.map(([kind, text]) => make("li", kind, text)));
    byId("setting-rows").replaceChildren(...told.settings.map(({ name, value, source }) => make("tr", "", make("td", "", name), make("td", "wide", value), make("td", "", source))));
  }

  byId("find-setting").addEventListener("input", ({ target }) => {
    const wanted = target.value.toLowerCase();
    for (const row of byId("setting-rows").rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });

  /* ---- views ---- */

  const { tools, webhooks } = workViews({ byId, make, ask, post, moment, words, show });
  const instructions = trialView({ byId, make, ask, post, complain, usd });
  const opened = {
    calls: () => { profiles(); return list(); },
    tools: () => { profiles(); return tools(); },
    day, settings, webhooks, instructions,
  };

  /* Profiles, if there are any, are asked for once, by the first view that shows them: nobody waits for them to see calls. */
  let asked;
  function profiles() {
    asked ??= ask("settings").then((told) => {
      for (const [menu, label] of [[search.elements.profile, byId("profile-filter")], [byId("tool-profile"), byId("tool-profile-label")]]) {
        menu.append(...told.profiles.map((name) => new Option(name, name)));
        label.hidden = !told.profiles.length;
      }
    }).catch(() => { asked = null; });
  }

  function view() {
    const name = VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "live";
    for (const one of VIEWS) byId("view-" + one).hidden = one !== name;
    for (const link of document.querySelectorAll("nav a")) {
      if (link.hash === "#" + name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    scrollTo(0, 0);
    if (opened[name]) opened[name]().catch(() => {});
  }

  addEventListener("hashchange", view);
  view();
})();
