/* Ears and mouth of the direct way, on the audio thread: 16-bit PCM at 24 kHz outside, the context's own rate inside. */
const WIDE = 24000, WIDE_FRAME = 480, WIDE_PREFILL = 1440, TAPS = 32, PHASES = 256;

/* Samples at another rate: a windowed sinc, which also keeps out what the lower of the two rates can't hold. */
class Rate {
  constructor(from, to) {
    this.step = from / to;
    const cutoff = Math.min(1, to / from) * .95;
    this.taps = new Float32Array(PHASES * TAPS);
    for (let phase = 0; phase < PHASES; phase++) {
      for (let tap = 0; tap < TAPS; tap++) {
        const x = tap - TAPS / 2 + 1 - phase / PHASES, turn = Math.PI * x;
        const window = .42 + .5 * Math.cos(2 * turn / TAPS) + .08 * Math.cos(4 * turn / TAPS);
        this.taps[phase * TAPS + tap] = window * cutoff * (x ? Math.sin(turn * cutoff) / (turn * cutoff) : 1);
      }
    }
    this.past = new Float32Array(TAPS);
    this.newest = 0;
    this.part = 0;
  }
  push(sample) {
    this.newest = (this.newest + 1) % TAPS;
    this.past[this.newest] = sample;
  }
  /* The sample between two that were pushed, where `part` stands. */
  get() {
    const row = Math.floor(this.part * PHASES) * TAPS;
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) sum += this.taps[row + tap] * this.past[(this.newest + 1 + tap) % TAPS];
    return sum;
  }
}

class WideEar extends AudioWorkletProcessor {
  constructor() {
    super();
    this.rate = new Rate(sampleRate, WIDE);
    this.frame = new Int16Array(WIDE_FRAME);
    this.filled = 0;
    this.loudest = 0;
  }
  process(inputs) {
    const input = inputs[0][0];
    if (!input) return true;
    for (const sample of input) {
      this.rate.push(sample);
      for (; this.rate.part < 1; this.rate.part += this.rate.step) this.take(this.rate.get());
      this.rate.part -= 1;
    }
    return true;
  }
  take(sample) {
    this.loudest = Math.max(this.loudest, Math.abs(sample));
    this.frame[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
    if (this.filled < WIDE_FRAME) return;
    this.port.postMessage({ audio: this.frame.slice().buffer, level: this.loudest, at: currentTime });
    this.filled = 0;
    this.loudest = 0;
  }
}

/* The speaker: it knows of each item how much it has played. A cut empties it over 4 ms, and is answered with that. */
class WideMouth extends AudioWorkletProcessor {
  constructor() {
    super();
    this.reset();
    this.told = 0;
    this.port.onmessage = ({ data }) => {
      if (data === "cut") { this.fade = true; return; }
      this.queue.push({ item: data.item, samples: new Int16Array(data.audio), at: 0 });
      this.waiting += data.audio.byteLength / 2;
    };
  }
  reset() {
    this.rate = new Rate(WIDE, sampleRate);
    this.queue = [];
    this.waiting = 0;
    this.waited = 0;
    this.played = new Map();
    this.playing = null;
    this.flowing = false;
    this.fade = false;
    this.gain = 1;
    this.loudest = 0;
  }
  /* The next sample of the queue; silence, once it ran dry, until there is a little in hand again. */
  next() {
    const first = this.queue[0];
    if (!first) { this.flowing = false; this.waited = 0; return 0; }
    if (!this.played.has(first.item)) this.port.postMessage({ began: first.item, at: currentTime });
    this.playing = first.item;
    this.played.set(first.item, (this.played.get(first.item) || 0) + 1);
    this.waiting--;
    const sample = first.samples[first.at++] / 32768;
    if (first.at === first.samples.length) this.queue.shift();
    return sample;
  }
  cut() {
    this.port.postMessage({ cut: [...this.played], at: currentTime });
    this.reset();
  }
  process(_, outputs) {
    const output = outputs[0][0];
    if (this.waiting && !this.flowing) {
      this.waited += output.length;
      this.flowing = this.waiting >= WIDE_PREFILL || this.waited > sampleRate * .06;
    }
    for (let i = 0; i < output.length; i++) {
      if (this.fade && (this.gain -= 1 / (sampleRate * .004)) <= 0) this.cut();
      for (this.rate.part += this.rate.step; this.rate.part >= 1; this.rate.part -= 1) this.rate.push(this.flowing ? this.next() : 0);
      output[i] = this.rate.get() * this.gain;
      this.loudest = Math.max(this.loudest, Math.abs(output[i]));
    }
    this.told += output.length;
    if (this.told > sampleRate * .05) {
      this.port.postMessage({ level: this.loudest, item: this.playing, samples: this.played.get(this.playing) || 0 });
      this.told = 0;
      this.loudest = 0;
    }
    return true;
  }
}

registerProcessor("wide-ear", WideEar);
registerProcessor("wide-mouth", WideMouth);
