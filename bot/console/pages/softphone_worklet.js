/* Ears and mouth of the browser phone, on the audio thread: mu-law at 8 kHz outside, the context's own rate inside. */
const RATE = 8000, FRAME = 160, PREFILL = 480, MOST = 80000;

function encoded(sample) {
  let value = Math.max(-32635, Math.min(32635, Math.round(sample * 32767)));
  const sign = value < 0 ? 0x80 : 0;
  value = Math.abs(value) + 132;
  let exponent = 7;
  for (let mask = 0x4000; exponent > 0 && !(value & mask); mask >>= 1) exponent--;
  return ~(sign | (exponent << 4) | ((value >> (exponent + 3)) & 15)) & 0xff;
}

const LINEAR = Float32Array.from({ length: 256 }, (_, byte) => {
  const bits = ~byte & 255, size = ((((bits & 15) << 3) + 132) << ((bits >> 4) & 7)) - 132;
  return (bits & 128 ? -size : size) / 32768;
});

/* The microphone: what has passed the low-pass before it, taken 8,000 times a second by interpolation. */
class Ear extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / RATE;
    this.at = 0;
    this.last = 0;
    this.frame = new Uint8Array(FRAME);
    this.filled = 0;
    this.loudest = 0;
  }
  process(inputs) {
    const input = inputs[0][0];
    if (!input) return true;
    for (; this.at < input.length; this.at += this.step) {
      const whole = Math.floor(this.at), rest = this.at - whole;
      const before = whole > 0 ? input[whole - 1] : this.last;
      const sample = before + (input[whole] - before) * rest;
      this.loudest = Math.max(this.loudest, Math.abs(sample));
      this.frame[this.filled++] = encoded(sample);
      if (this.filled === FRAME) {
        this.port.postMessage({ audio: this.frame.slice().buffer, level: this.loudest });
        this.filled = 0;
        this.loudest = 0;
      }
    }
    this.at -= input.length;
    this.last = input[input.length - 1];
    return true;
  }
}

/* The speaker: a small jitter buffer, filled anew after it ran dry; a clear empties it at once, over 4 ms. */
class Mouth extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = RATE / sampleRate;
    this.ring = new Uint8Array(MOST);
    this.reset();
    this.port.onmessage = ({ data }) => {
      if (data === "clear") { this.fade = true; return; }
      const bytes = new Uint8Array(data);
      for (const byte of bytes) if (this.size < MOST) this.ring[(this.head + this.size++) % MOST] = byte;
      if (this.size >= PREFILL) this.flowing = true;
    };
  }
  reset() {
    this.head = 0; this.size = 0; this.part = 0; this.before = 0; this.now = 0; this.flowing = false; this.fade = false;
    this.gain = 1; this.loudest = 0; this.told = 0; this.least = MOST; this.looked = 0;
  }
  /* What has waited for half a second, beside what a jitter buffer is for, only makes the bot late: it is left out. */
  catchUp(samples) {
    this.least = Math.min(this.least, this.size);
    if ((this.looked += samples) < sampleRate / 2) return;
    const spare = Math.max(0, this.least - PREFILL);
    this.head = (this.head + spare) % MOST;
    this.size -= spare;
    this.least = MOST;
    this.looked = 0;
  }
  next() {
    if (!this.size) { this.flowing = false; return 0; }
    const sample = LINEAR[this.ring[this.head]];
    this.head = (this.head + 1) % MOST;
    this.size--;
    return sample;
  }
  process(_, outputs) {
    const output = outputs[0][0];
    for (let i = 0; i < output.length; i++) {
      if (this.fade && (this.gain -= 1 / (sampleRate * .004)) <= 0) this.reset();
      if (!this.flowing) { this.before = this.now; this.now *= .9; output[i] = this.now; continue; }
      this.part += this.step;
      while (this.part >= 1) { this.part -= 1; this.before = this.now; this.now = this.next(); }
      output[i] = (this.before + (this.now - this.before) * this.part) * this.gain;
      this.loudest = Math.max(this.loudest, Math.abs(output[i]));
    }
    this.catchUp(output.length);
    this.told += output.length;
    if (this.told > sampleRate * .05) {
      this.port.postMessage({ level: this.loudest });
      this.told = 0;
      this.loudest = 0;
    }
    return true;
  }
}

registerProcessor("ear", Ear);
registerProcessor("mouth", Mouth);
