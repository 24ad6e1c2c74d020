"use strict";
/* A call straight to the model: the page is the client of a Realtime session, in PCM at 24 kHz, with a client secret. */

/* One item of the bot's as far as it has come, and what of its words belongs to what was played of its sound. */
class SpokenItem {
  constructor(id, response) {
    this.id = id;
    this.response = response;
    this.bytes = 0;
    this.text = "";
    this.points = [[0, 0]];
    this.done = false;
    this.cut = false;
  }
  get ms() { return Math.floor(this.bytes / 48); }
  heard(bytes) {
    this.bytes += bytes;
    this.points.push([this.ms, this.text.length]);
  }
  /* Number of letters that were said by then, to the end of a word: an estimate, since nobody tells which sound is which word. */
  letters(ms) {
    if (ms >= this.ms && this.ms) return this.text.length;
    const after = this.points.findIndex(([at]) => at > ms);
    const [fromMs, from] = this.points[Math.max(0, after - 1)], [toMs, to] = this.points[after] || [ms, this.text.length];
    const at = Math.floor(from + (to - from) * (ms - fromMs) / Math.max(1, toMs - fromMs));
    return at >= this.text.length ? at : Math.max(0, this.text.lastIndexOf(" ", at));
  }
}

function directCall(Call, { byId, show, complain, told }) {
  const KEYS_MS = 2000;
  /* Errors that a client can't help: what it asked for crossed what the server said. */
  const RACES = new Set(["item_truncate_invalid_item_id", "item_delete_invalid_item_id", "response_cancel_not_active", "conversation_already_has_active_response"]);
  const EXPIRED = "The client secret has expired or is not valid any more: call again, and the page asks for a new one.";
  const REFUSALS = { invalid_api_key: EXPIRED, model_not_found: "The model's server has no such model for this account.", invalid_model: "The model's server knows no such model.", insufficient_quota: "The account at the model's server has no money left." };
  const encoded = (audio) => btoa(String.fromCharCode(...new Uint8Array(audio)));
  const decoded = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;

  return class DirectCall extends Call {
    worklet = "console/files/direct_worklet.js";
    items = new Map();
    muted = new Set();
    unheard = new Set();
    ready = false;
    active = null;
    since = null; /* when the speech ended that has not been answered, on the context's clock as all times here */
    keys = "";
    wanted = false; /* an answer to keys, once the one that is being made is over */

    get phoneLike() { return false; }

    async connect() {
      this.dialled = this.context.currentTime;
      show("Asking for a client secret", { calling: true, ringing: true });
      const secret = await this.secret();
      if (this.over) return;
      this.begins = secret;
      this.socket = new WebSocket(secret.url, ["realtime", "openai-insecure-api-key." + secret.value]);
      this.socket.addEventListener("message", ({ data }) => this.heard(JSON.parse(data)));
      this.socket.addEventListener("open", () => show("Calling the model", { calling: true, ringing: true }));
      this.socket.addEventListener("close", (closed) => this.lost(closed));
      this.longest = setTimeout(() => { told.note("The call has lasted as long as any may (BOT_MAX_CALL_SECONDS)"); this.hangUp(); }, secret.mostS * 1000);
    }

    async secret() {
      let answer, secret;
      try {
        answer = await fetch("client-secret", { method: "POST" });
        if (answer.status === 401) location.reload();
        secret = await answer.json();
      } catch { throw new Error("The server gave no client secret: it can't be reached, or you are signed out."); }
      if (!answer.ok) throw new Error(secret.problem);
      return secret;
    }

    wire() {
      const ear = new AudioWorkletNode(this.context, "wide-ear", { numberOfOutputs: 0 });
      this.mouth = new AudioWorkletNode(this.context, "wide-mouth", { numberOfInputs: 0, outputChannelCount: [1] });
      this.tap = this.context.createAnalyser();
      this.mouth.connect(this.tap).connect(this.context.destination);
      this.context.createMediaStreamSource(this.microphone).connect(ear);
      ear.port.onmessage = ({ data }) => this.hears(data);
      this.mouth.port.onmessage = ({ data }) => this.plays(data);
    }

    send(type, more) {
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type, ...more }));
    }

    /* ---- sound ---- */

    hears({ audio, level, at }) {
      byId("mine").value = Math.sqrt(level);
      if (!this.ready) return;
      if (this.firstAt === undefined) this.firstAt = at - .02;
      this.send("input_audio_buffer.append", { audio: encoded(audio) });
    }

    plays(data) {
      if (data.began) this.began(this.items.get(data.began), data.at);
      else if (data.cut) this.silent(new Map(data.cut), data.at);
      else {
        byId("theirs").value = Math.sqrt(data.level);
        const item = this.items.get(data.item);
        if (item && !item.cut) this.write(item, item.letters(data.samples / 24));
      }
    }

    began(item, at) {
      if (!this.greeted && this.begins.greeting) told.wait({ what: "greeting_heard", ms: Math.round((at - this.dialled) * 1000) });
      else if (this.since !== null) told.wait({ what: "byte_heard", ms: Math.round(Math.max(0, at - this.since) * 1000) });
      this.greeted = true;
      this.since = null;
      this.write(item, 0);
    }

    /* The words of an item as far as they were heard, and behind a cut those that were not. */
    write(item, letters) {
      const text = item.text.slice(0, letters).trim(), unheard = item.cut ? item.text.slice(letters).trim() : "";
      if (item.written === text && !item.cut) return;
      item.written = text;
      const over = item.cut || (item.done && letters >= item.text.length);
      (over ? told.turn : told.caption)({ number: item.id, item: item.id, who: "bot", text: text || (unheard ? "" : "…"), unheard, cut: item.cut });
    }

    caller(id, text, tell = told.turn) { tell({ number: id, item: id, who: "caller", text }); }

    /* ---- an interruption ---- */

    interrupted() {
      this.since = null;
      this.spokeAt = this.context.currentTime;
      if (this.active) this.muted.add(this.active);
      this.mouth.port.postMessage("cut");
    }

    /* The mouth has fallen silent: the model is told what was played here of each item. */
    silent(played, at) {
      let heardMs = 0, receivedMs = 0, cut = null;
      for (const item of this.items.values()) {
        const ms = Math.min(Math.floor((played.get(item.id) || 0) / 24), item.ms);
        if (item.over || item.cut || !item.bytes) continue;
        item.over = true;
        if (ms >= item.ms && !this.muted.has(item.response)) { this.write(item, item.text.length); continue; }
        heardMs += ms;
        receivedMs += item.ms;
        item.cut = true;
        cut = cut || item.id;
        if (ms) this.send("conversation.item.truncate", { item_id: item.id, content_index: 0, audio_end_ms: ms });
        else this.forget(item);
        this.write(item, item.letters(ms));
      }
      if (!receivedMs) return;
      told.wait({ what: "clear", ms: Math.round(Math.max(0, at - this.spokeAt) * 1000) });
      told.interrupted({ heardMs, receivedMs, item: cut });
    }

    /* An item of which nothing was heard is deleted, once it is finished. */
    forget(item) {
      if (item.done) this.send("conversation.item.delete", { item_id: item.id });
      else this.unheard.add(item.id);
    }

    finished(id) {
      const item = this.items.get(id);
      if (item) item.done = true;
      if (this.unheard.delete(id)) this.send("conversation.item.delete", { item_id: id });
    }

    /* ---- what the model says ---- */

    heard(what) {
      const handler = this.events[what.type];
      if (handler) handler(what);
    }

    item(what) {
      if (this.muted.has(what.response_id)) return null;
      if (!this.items.has(what.item_id)) this.items.set(what.item_id, new SpokenItem(what.item_id, what.response_id));
      return this.items.get(what.item_id);
    }

    events = {
      "session.created": ({ session }) => this.opened(session),
      "input_audio_buffer.speech_started": ({ item_id }) => {
        this.interrupted();
        if (this.transcribes) this.caller(item_id, "…", told.caption);
        else this.caller(item_id, "(said, and not written down)");
      },
      "input_audio_buffer.speech_stopped": ({ audio_end_ms }) => { this.since = this.firstAt + (audio_end_ms - this.begins.silenceMs) / 1000; },
      "conversation.item.input_audio_transcription.delta": ({ item_id, delta }) => {
        const said = this.said = this.said && this.said.id === item_id ? this.said : { id: item_id, text: "" };
        said.text += delta;
        this.caller(item_id, said.text, told.caption);
      },
      "conversation.item.input_audio_transcription.completed": ({ item_id, transcript }) => this.caller(item_id, transcript.trim() || "(no words)"),
      "conversation.item.input_audio_transcription.failed": ({ item_id }) => this.caller(item_id, "(not written down)"),
      "response.created": ({ response }) => { this.active = response.id; },
      "response.output_audio_transcript.delta": (what) => { const item = this.item(what); if (item) item.text += what.delta; },
      "response.output_audio.delta": (what) => {
        const item = this.item(what);
        if (!item) return;
        const audio = decoded(what.delta);
        item.heard(audio.byteLength);
        this.mouth.port.postMessage({ item: item.id, audio }, [audio]);
      },
      "conversation.item.done": ({ item }) => this.finished(item.id),
      "response.done": ({ response }) => {
        for (const item of this.items.values()) if (item.response === response.id) this.finished(item.id);
        this.muted.delete(response.id);
        this.active = null;
        const error = response.status === "failed" && response.status_details && response.status_details.error;
        if (response.status === "failed") told.note("Warning: the answer failed" + (error && error.code ? " (" + error.code + ")" : ""));
        if (this.wanted) this.answer();
      },
      error: ({ error }) => {
        this.error = error;
        if (this.ready && !RACES.has(error.code)) told.note("Warning: " + error.message);
      },
    };

    opened(session) {
      const { input, output } = session.audio || {};
      for (const side of [input, output]) {
        if (side && side.format && (side.format.type !== "audio/pcm" || (side.format.rate || 24000) !== 24000)) {
          complain("The session has another audio format than the one it was made with.");
          this.end();
          return;
        }
      }
      this.ready = true;
      this.transcribes = Boolean(input && input.transcription);
      show("In the call, straight to the model", { calling: true });
      if (this.begins.greeting) this.send("response.create", { response: this.begins.greeting });
    }

    /* ---- keys, which a session knows as words of the caller's ---- */

    tell({ key }) {
      if (!key || !this.ready) return;
      this.keys += key;
      clearTimeout(this.keyTimer);
      this.keyTimer = setTimeout(() => this.pressed(), KEYS_MS);
    }

    pressed() {
      this.send("conversation.item.create", { item: { type: "message", role: "user", content: [{ type: "input_text", text: "[keys pressed: " + this.keys + "]" }] } });
      this.keys = "";
      if (this.active) this.wanted = true;
      else this.answer();
    }

    answer() {
      this.wanted = false;
      this.send("response.create", {});
    }

    /* ---- the end ---- */

    lost({ code, reason }) {
      if (!this.over) complain(this.whyLost(code, reason));
      this.end();
    }

    whyLost(code, reason) {
      const error = this.error || {};
      if (REFUSALS[error.code]) return REFUSALS[error.code];
      if (this.ready) return "The session was lost: " + (reason || error.message || "the connection broke (" + code + ")").replace(/\.$/, "") + ".";
      if (error.message) return "The model's server refused the session: " + error.message;
      return "The model's server can't be reached from this browser.";
    }

    hangUp() { this.end(); }

    end() {
      clearTimeout(this.longest);
      clearTimeout(this.keyTimer);
      super.end();
    }
  };
}
