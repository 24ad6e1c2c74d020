"use strict";
/* A call taken over: this page's microphone goes to the caller, and the caller's sound to this page (softphone_worklet.js).
   The microphone is asked for first, so that the caller is not left in silence meanwhile. One call at a time. */
const takingOver = {
  sid: "", state: "", level: 0, socket: null, context: null, microphone: null, changed: () => {}, told: () => {},

  whyNot() {
    if (navigator.mediaDevices) return "";
    return "This page has no microphone: browsers give one to https and to localhost only. Open it as http://localhost, or serve it over https.";
  },

  async begin(sid, by) {
    this.end();
    const context = this.context = new AudioContext({ latencyHint: "interactive" });  /* within the click: browsers start sound only then */
    this.sid = sid;
    this.show("asking for the microphone");
    const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    const microphone = await navigator.mediaDevices.getUserMedia({ audio });
    if (this.context !== context) { for (const track of microphone.getTracks()) track.stop(); return; }
    this.microphone = microphone;
    await context.resume();
    await context.audioWorklet.addModule("console/files/softphone_worklet.js");
    if (this.context === context) this.connect(context, sid, by);
  },

  connect(context, sid, by) {
    const url = new URL("console/live/" + encodeURIComponent(sid) + "/take-over", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("by", by);
    const socket = this.socket = new WebSocket(url), mouths = this.wire(context, socket);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (this.socket !== socket) return;
      if (typeof data === "string") { this.heardOf(JSON.parse(data)); return; }
      const side = new Uint8Array(data, 0, 1)[0], sound = data.slice(1);
      if (mouths[side]) mouths[side].port.postMessage(sound, [sound]);
    });
    let opened = false;
    socket.addEventListener("open", () => { opened = true; });
    socket.addEventListener("close", () => {
      if (this.socket !== socket) return;
      this.told(sid, opened ? "the line to the server is lost" : "the server has refused, or can't be reached: perhaps somebody else has this call");
      this.end();
    });
  },

  wire(context, socket) {
    const ear = new AudioWorkletNode(context, "ear", { numberOfOutputs: 0 });
    const low = (Q) => new BiquadFilterNode(context, { type: "lowpass", frequency: 3400, Q });
    context.createMediaStreamSource(this.microphone).connect(low(.7)).connect(low(1.2)).connect(ear);
    ear.port.onmessage = ({ data }) => {
      this.level = Math.sqrt(data.level);
      if (socket.readyState === WebSocket.OPEN) socket.send(data.audio);
    };
    this.tap = context.createAnalyser();
    this.tap.connect(context.destination);
    return [0, 1].map(() => {
      const mouth = new AudioWorkletNode(context, "mouth", { numberOfInputs: 0, outputChannelCount: [1] });
      mouth.connect(this.tap);
      return mouth;
    });
  },

  heardOf({ state, why }) {
    if (state !== "over") { this.show(state); return; }
    const reasons = {
      asked: "", left: "", limit: "the call has to end, and the bot says goodbye", call_over: "the call is over",
      lost: "nothing came from this page for a while, and the bot has the call again",
      call_ends: "the bot is saying goodbye already", taken_over_already: "somebody else has taken this call over",
    };
    if (reasons[why]) this.told(this.sid, reasons[why]);
    this.end();
  },

  handBack() {
    if (this.socket && this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ handBack: true }));
    else this.end();
  },

  /* What it is about this call, for its card; empty while nobody here has it. */
  words(sid) {
    const waits = "you have the call as soon as the caller can hear you";
    return this.sid === sid ? { speaking: "you speak with the caller", waiting: waits }[this.state] || this.state : "";
  },

  show(state) {
    this.level = 0;
    this.state = state;
    this.changed();
  },

  /* The microphone and the sound are let go, so that the next call can have them. */
  end() {
    const { socket, context, microphone } = this;
    this.sid = "";
    this.socket = this.context = this.microphone = null;
    if (microphone) for (const track of microphone.getTracks()) track.stop();
    if (socket) socket.close();
    if (context) context.close();
    this.show("");
  },
};

/* The button of one call's card, with a meter of the microphone beside it while the call is this page's. */
function takeOverButton(sid, { make, complain }) {
  const button = make("button", "plain", "Take over"), level = make("meter"), both = make("span", "take", button, level);
  button.type = "button";
  level.max = 1;
  level.setAttribute("aria-label", "Your microphone");
  button.addEventListener("click", () => {
    if (takingOver.sid === sid) { takingOver.handBack(); return; }
    const why = takingOver.whyNot();
    complain(why);
    if (why) return;
    if (listening.sid) listening.end();
    takingOver.begin(sid, localStorage.getItem("heardline-name") || "").catch((error) => {
      const reasons = { NotAllowedError: "it was not allowed", NotFoundError: "there is none on this device", NotReadableError: "it is in use by something else" };
      takingOver.end();
      complain("The microphone can't be used: " + (reasons[error.name] || error.message) + ". The bot still has the call.");
    });
  });
  both.show = (operator) => {
    const mine = takingOver.sid === sid;
    button.textContent = mine ? "Hand back" : "Take over";
    button.classList.toggle("plain", !mine);
    button.disabled = Boolean(operator) && !mine;
    level.hidden = !mine;
  };
  both.show(null);
  return both;
}

setInterval(() => {
  for (const meter of document.querySelectorAll(".take meter")) if (!meter.hidden) meter.value = takingOver.level;
}, 100);

/* The name that the log has for this page's operator stays in this browser. */
addEventListener("DOMContentLoaded", () => {
  const name = document.getElementById("me");
  name.value = localStorage.getItem("heardline-name") || "";
  name.addEventListener("change", () => localStorage.setItem("heardline-name", name.value.trim()));
});
addEventListener("pagehide", () => takingOver.end());
