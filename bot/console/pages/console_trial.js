"use strict";
/* Instructions tried in text: the operator writes them and what a caller says, the model answers in writing. */
function trialView({ byId, make, ask, post, complain, usd }) {
  const AT_HOME = { end_call: "In a call the bot would hang up once its goodbye was heard.", transfer_call: "In a call the caller would now be put through.", send_digits: "In a call these keys would now be pressed." };
  const said = byId("trial-said"), text = byId("trial-instructions"), profile = byId("trial-profile"), line = byId("trial-words");
  let socket = null, known = null, began = null, speaking = null, answering = false, cost = "";

  /* ---- how things stand ---- */

  function state() {
    const waits = said.querySelector(".called") !== null, open = Boolean(socket);
    line.disabled = !open;
    byId("trial-send").disabled = !open || answering;
    said.setAttribute("aria-busy", String(answering));
    byId("trial-start").textContent = open ? "Begin again" : "Begin";
    const told = [];
    if (answering) told.push("The bot answers.");
    else if (waits) told.push("The bot waits for what the function answers.");
    if (open && text.value !== began.text) told.push("This conversation began with other instructions: begin again to try these.");
    byId("trial-state").textContent = [...told, cost].filter(Boolean).join(" ");
  }

  function add(one) {
    byId("trial-none").hidden = true;
    said.append(one);
    said.scrollTop = said.scrollHeight;
    return one;
  }

  const busy = (now) => { answering = now; state(); };

  /* ---- a function that the model calls ---- */

  function called({ callId, name, arguments: given }) {
    speaking = null;
    const runs = known.functions.some((one) => one.name === name && one.runs);
    const box = make("form", "called"), label = make("label", "", "What " + name + " answers"), answer = make("textarea");
    const give = make("button", "", "Give this answer"), run = make("button", "plain", "Run " + name), act = make("p", "act", give);
    answer.rows = 2;
    answer.required = true;
    answer.maxLength = 50000;
    answer.spellcheck = false;
    answer.value = name in AT_HOME ? JSON.stringify({ result: "Done." }) : "";
    label.append(answer);
    label.className = "stack";
    Object.assign(box.dataset, { call: callId, name });
    box.append(make("h2", "", "The bot calls " + name), make("pre", "out", given), label, act);
    box.append(make("p", "note", AT_HOME[name] || "It was not run. If you run it, it does what it does in a call."));
    if (runs) act.append(run);
    run.type = "button";
    run.addEventListener("click", async () => {
      run.disabled = give.disabled = true;
      try {
        const query = began.profile ? "?" + new URLSearchParams({ profile: began.profile }) : "";
        const done = await post("tools/" + encodeURIComponent(name) + query, { arguments: JSON.parse(given) });
        answer.value = done.output;
        send("give", done.output, { callId });
      } catch (error) {
        complain(error.message);
        run.disabled = give.disabled = false;
      }
    });
    box.addEventListener("submit", (event) => {
      event.preventDefault();
      send("give", answer.value, { callId });
    });
    add(box);
    answer.focus({ preventScroll: true });
  }

  function settle(box, what) {
    const held = box.contains(document.activeElement);
    box.replaceWith(make("p", "event", box.dataset.name + " " + box.querySelector("pre").textContent + " " + what));
    if (held) line.focus({ preventScroll: true });
  }

  function given({ callId, output }) {
    const box = [...said.querySelectorAll(".called")].find((one) => one.dataset.call === callId);
    if (box) settle(box, "answered: " + output);
    state();
  }

  /* ---- the conversation ---- */

  const news = {
    begun: () => { busy(false); line.focus({ preventScroll: true }); },
    asked: () => busy(true),
    written: (what) => {
      if (!speaking) speaking = add(make("p", "bot", "Bot: "));
      speaking.append(what.text);
      said.scrollTop = said.scrollHeight;
    },
    called,
    given,
    answered: (what) => {
      speaking = null;
      if (what.why) add(make("p", "event", "the answer is " + what.why));
      cost = "This trial: " + (what.priced ? usd(what.usd) : "no price is known for this model") + " in " + what.answers + (what.answers === 1 ? " answer. " : " answers. ")
        + "Today: " + usd(what.todayUsd) + (what.dailyUsd ? " of " + usd(what.dailyUsd) : "") + ".";
      busy(false);
      if (!what.waits) line.focus({ preventScroll: true });
    },
    problem: (what) => {
      complain(what.why);
      for (const one of said.querySelectorAll(".called button")) one.disabled = false;
      busy(what.answering);
    },
    over: (what) => { complain(what.why); end(); },
  };

  function send(what, words, more) {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ do: what, text: words, ...more }));
  }

  function begin() {
    end();
    complain("");
    said.replaceChildren();
    byId("trial-none").hidden = false;
    cost = "";
    const url = new URL("console/trial", location.href), mine = socket = new WebSocket(Object.assign(url, { protocol: url.protocol.replace("http", "ws") }));
    began = { text: text.value, profile: known.profile };
    mine.addEventListener("open", () => send("begin", began.text, { profile: began.profile }));
    mine.addEventListener("message", ({ data }) => {
      const what = JSON.parse(data);
      if (mine === socket && news[what.type]) news[what.type](what);
    });
    mine.addEventListener("close", ({ code }) => {
      if (mine !== socket) return;
      complain(code === 1006 ? "The trial can't be had: the server is away, you are signed out, or too many go on." : "The trial is over.");
      end();
    });
    byId("trial-say").scrollIntoView({ block: "nearest" });
    busy(true);
  }

  function end() {
    const old = socket;
    socket = null;
    speaking = null;
    for (const box of said.querySelectorAll(".called")) settle(box, "was not answered");
    if (old) old.close();
    busy(false);
  }

  byId("trial-begin").addEventListener("submit", (event) => { event.preventDefault(); begin(); });
  byId("trial-say").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!line.value.trim() || answering) return;
    add(make("p", "caller", "Caller: " + line.value.trim()));
    send("say", line.value.trim());
    line.value = "";
    busy(true);
  });
  text.addEventListener("input", state);
  byId("trial-reset").addEventListener("click", () => load(true).catch(() => {}));
  profile.addEventListener("change", () => load(true).catch(() => {}));
  addEventListener("pagehide", end);

  /* What is edited stays when the view is left. */
  async function load(anew) {
    if (known && !anew) return;
    known = await ask("instructions" + (profile.value ? "?" + new URLSearchParams({ profile: profile.value }) : ""));
    text.value = known.instructions;
    byId("trial-profile-label").hidden = !known.profiles.length;
    profile.replaceChildren(...["", ...known.profiles].map((name) => new Option(name || "none", name)));
    profile.value = known.profile;
    const names = known.functions.map((one) => one.name).join(", ");
    byId("trial-with").textContent = known.model + (known.greets ? ", greets first" : "") + ". Functions: " + names + "."
      + (known.remote.length ? " Tools of remote servers are left out: " + known.remote.join(", ") + "." : "");
    byId("trial-start").disabled = Boolean(known.problem);
    complain(known.problem);
    state();
  }

  return () => load(false);
}
