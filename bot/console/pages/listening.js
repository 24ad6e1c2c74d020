"use strict";
/* Listening in: both sides of a live call, each by a jitter buffer of its own (softphone_worklet.js). One call at a time. */
const listening = {
  sid: "", socket: null, context: null, changed: () => {},

  async begin(sid) {
    this.end();
    const context = this.context = new AudioContext();  /* within the click: browsers start sound only then */
    this.sid = sid;
    this.changed();
    await context.resume();
    await context.audioWorklet.addModule("console/files/softphone_worklet.js");
    if (this.context !== context) return;
    const mouths = [0, 1].map(() => new AudioWorkletNode(context, "mouth", { numberOfInputs: 0, outputChannelCount: [1] }));
    this.tap = context.createAnalyser();
    for (const mouth of mouths) mouth.connect(this.tap);
    this.tap.connect(context.destination);
    const url = new URL("console/live/" + encodeURIComponent(sid) + "/listen", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = this.socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      const side = new Uint8Array(data, 0, 1)[0], audio = data.slice(1);
      if (mouths[side]) mouths[side].port.postMessage(audio, [audio]);
    });
    socket.addEventListener("close", () => { if (this.socket === socket) this.end(); });
  },

  end() {
    const { socket, context } = this;
    this.sid = "";
    this.socket = this.context = null;
    if (socket) socket.close();
    if (context) context.close();
    this.changed();
  },
};
addEventListener("pagehide", () => listening.end());
