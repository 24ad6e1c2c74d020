"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const button = byId("call"), state = byId("state"), list = byId("turns"), problem = byId("problem");
  const keys = [], ways = [...document.querySelectorAll("[name=way]")];
  let current = null;

  /* ---- the page ---- */

  for (const key of "123456789*0#") {
    const one = document.createElement("button");
    one.type = "button";
    one.textContent = key;
    one.disabled = true;
    one.addEventListener("click", () => press(key));
    keys.push(one);
    byId("keypad").append(one);
  }

  function show(text, { calling = false, ringing = false } = {}) {
    state.textContent = text;
    button.textContent = calling ? "Hang up" : "Call the bot";
    button.classList.toggle("busy", calling);
    button.classList.toggle("ringing", ringing);
    for (const key of keys) key.disabled = !calling;
    for (const one of [...ways, byId("phone-like"), byId("line")]) one.disabled = calling;
    if (!calling) chosen();
  }

  function complain(text) {
    problem.textContent = text;
    problem.hidden = !text;
  }

  function press(key) {
    if (!current) return;
    current.tell({ key });
    talk.note("You pressed " + key);
  }

  const talk = new Talk(list, {
    tag: "li",
    name: ({ who, cut }) => (who === "caller" ? "You" : "Bot") + (cut ? ", interrupted" : ""),
    tell: spoken(byId("spoken")),
    follow: true,
  });
  const seconds = (ms) => (ms / 1000).toFixed(1) + " s";
  const waited = (ms) => (ms < 1000 ? ms + " ms" : seconds(ms));

  const WAITS = { greeting_heard: "greeting", byte_heard: "answer", clear: "silence" };
  const told = {
    ringing: () => show("It rings", { calling: true, ringing: true }),
    caption: (what) => talk.caption(what),
    turn: (what) => talk.turn(what),
    note: (text) => talk.note(text),
    wait: (what) => { if (WAITS[what.what]) byId(WAITS[what.what]).textContent = waited(what.ms); },
    interrupted: (what) => what.receivedMs && talk.note("Interrupted: you heard " + seconds(what.heardMs) + " of " + seconds(what.receivedMs), what.atMs, what.item),
    tool: (what) => talk.note("Tool " + what.name + ": " + what.state, what.atMs),
    warning: (what) => talk.note("Warning: " + what.event, what.atMs),
    ended: (what) => { if (what.reason) talk.note("The call ended: " + what.reason.replaceAll("_", " "), what.atMs); },
    over: (what) => {
      if (what.said) talk.note("Twilio would say: " + what.said);
      if (what.failure) complain("The call failed: " + what.failure);
    },
  };

  /* ---- the way: as a telephone, or straight to the model where that can be ---- */

  let direct = { problem: "", to: "" };
  const straight = () => byId("way-direct").checked;

  function chosen() {
    byId("way-direct").disabled = !direct.to;
    byId("way-told").textContent = straight()
      ? "To " + direct.to + ", past the telephone line, in 24 kHz. Tools do not run here and nothing is recorded; what a model costs is on the account's bill alone."
      : "Through the webhook and the stream, in mu-law at 8 kHz: what a telephone gets."
        + (direct.problem ? " The other way is not to be had: " + direct.problem : "");
    byId("line-details").hidden = straight();
  }

  for (const way of ways) way.addEventListener("change", chosen);
  chosen();
  fetch("softphone/direct").then((answer) => answer.json()).then((way) => { direct = way; if (!current) chosen(); }).catch(() => {});

  /* ---- a call ---- */

  function whyNoMicrophone() {
    if (navigator.mediaDevices) return "";
    return "This page has no microphone: browsers give one to https and to localhost only. Open it as http://localhost, or serve it over https.";
  }

  function microphoneProblem(error) {
    const reasons = {
      NotAllowedError: "The microphone was not allowed. Allow it for this page, and call again.",
      NotFoundError: "There is no microphone on this device.",
      NotReadableError: "The microphone is in use by something else.",
    };
    if (error.name in reasons) return reasons[error.name];
    return error instanceof DOMException ? "The microphone can't be used: " + error.message : error.message;
  }

  class Call {
    worklet = "console/files/softphone_worklet.js";

    constructor() {
      this.over = false;
      this.context = new AudioContext({ latencyHint: "interactive" });
      this.resumed = this.context.resume(); /* within the gesture: iOS asks for one */
    }

    get phoneLike() { return byId("phone-like").checked; }

    async start() {
      const like = this.phoneLike;
      this.microphone = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: !like, noiseSuppression: !like, autoGainControl: !like },
      });
      await this.resumed;
      await this.context.audioWorklet.addModule(this.worklet);
      if (!this.over) await this.connect();
      if (!this.over) this.wire();
    }

    connect() {
      const line = this.phoneLike ? byId("line").value : "clean";
      const url = new URL("softphone/call", location.href);
      url.protocol = url.protocol.replace("http", "ws");
      url.searchParams.set("line", line);
      const to = new URLSearchParams(location.search).get("to");
      if (to) url.searchParams.set("to", to);
      this.socket = new WebSocket(url);
      this.socket.binaryType = "arraybuffer";
      this.socket.addEventListener("message", ({ data }) => this.heard(data));
      this.socket.addEventListener("open", () => show("Calling", { calling: true, ringing: true }));
      this.socket.addEventListener("close", () => this.end());
      this.socket.addEventListener("error", () => complain("The server can't be reached, or has refused the call."));
    }

    wire() {
      const context = this.context, low = () => new BiquadFilterNode(context, { type: "lowpass", frequency: 3400, Q: .7 });
      const ear = new AudioWorkletNode(context, "ear", { numberOfOutputs: 0 });
      this.mouth = new AudioWorkletNode(context, "mouth", { numberOfInputs: 0, outputChannelCount: [1] });
      context.createMediaStreamSource(this.microphone).connect(low()).connect(new BiquadFilterNode(context, { type: "lowpass", frequency: 3400, Q: 1.2 })).connect(ear);
      this.tap = context.createAnalyser();
      this.mouth.connect(low()).connect(this.tap).connect(context.destination);
      ear.port.onmessage = ({ data }) => {
        byId("mine").value = Math.sqrt(data.level);
        if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data.audio);
      };
      this.mouth.port.onmessage = ({ data }) => { byId("theirs").value = Math.sqrt(data.level); };
    }

    heard(data) {
      if (typeof data !== "string") {
        if (state.textContent !== "In the call") show("In the call", { calling: true });
        this.mouth.port.postMessage(data, [data]);
        return;
      }
      const what = JSON.parse(data);
      if (what.type === "clear") this.mouth.port.postMessage("clear");
      else if (told[what.type]) told[what.type](what);
    }

    tell(what) {
      if (this.socket && this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(what));
    }

    hangUp() {
      this.tell({ hangUp: true });
      if (!this.socket || this.socket.readyState !== WebSocket.OPEN) this.end();
    }

    /* The microphone and the sound are let go, so that the next call can have them. */
    end() {
      if (this.over) return;
      this.over = true;
      if (this.microphone) for (const track of this.microphone.getTracks()) track.stop();
      if (this.socket) this.socket.close();
      this.context.close();
      byId("mine").value = byId("theirs").value = 0;
      if (current === this) current = null;
      show("The call is over");
    }
  }

  const DirectCall = directCall(Call, { byId, show, complain, told });

  button.addEventListener("click", async () => {
    if (current) { current.hangUp(); return; }
    const why = whyNoMicrophone();
    complain(why);
    if (why) return;
    talk.clear();
    for (const id of ["greeting", "answer", "silence"]) byId(id).textContent = "-";
    const call = current = straight() ? new DirectCall() : new Call();
    window.heardline = call;
    show("Waiting for the microphone", { calling: true });
    try {
      await call.start();
    } catch (error) {
      complain(microphoneProblem(error));
      call.end();
    }
  });

  document.addEventListener("keydown", (pressed) => {
    const typed = pressed.target.closest("input, select, summary, textarea");
    const key = keys.find((one) => one.textContent === pressed.key);
    if (!key || typed || !current || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
    key.classList.add("pressed");
    setTimeout(() => key.classList.remove("pressed"), 150);
    press(pressed.key);
  });
  window.addEventListener("pagehide", () => { if (current) current.hangUp(); });
  complain(whyNoMicrophone());
})();
