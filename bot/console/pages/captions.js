"use strict";
/* What is said, a line a turn: it grows by captions while it is said, and the turn itself replaces them once it is over.
   Lines stand in the order in which they were begun, since a caller's words come late. Text is always text.
   The list is silent to a screen reader, which would read a line from its beginning each time it grows: `tell` is given
   what is new, by sentences, each word once. */
class Talk {
  constructor(list, { tag, name, tell, follow = false }) {
    Object.assign(this, { list, tag, name, tell, follow, items: new Map(), numbers: new Map() });
  }

  /* Words so far; none: they came to nothing. */
  caption(what) {
    const key = what.who + " " + what.item;
    let line = this.items.get(key);
    if (line && line.over && what.who === "bot") line = null; /* another session may use an id again */
    if (!what.text) {
      if (line && !line.over) { line.element.remove(); this.items.delete(key); }
      return;
    }
    if (!line) this.items.set(key, line = this.line(what));
    this.show(line, what);
    this.told(line, what.text, false);
  }

  /* A turn that is over, or what is known of it by now. */
  turn(what) {
    if (!what.text && !what.unheard) return;
    const key = what.who + " " + what.item, begun = this.items.get(key);
    const line = this.numbers.get(what.number) || (begun && !begun.number ? begun : this.line(what));
    line.number = what.number;
    line.over = true;
    this.items.set(key, line);
    this.numbers.set(what.number, line);
    this.show(line, what);
    this.told(line, what.text, true);
    if (what.unheard && line.unheard !== what.unheard) this.tell("Interrupted. Not heard: " + what.unheard);
    line.unheard = what.unheard;
  }

  /* Something that happened; `item` is what the bot was saying then: it stands right below. */
  note(text, atMs, item) {
    const one = document.createElement(this.tag), line = this.items.get("bot " + item);
    one.className = "event";
    one.textContent = text;
    this.place(one, line ? line.element.dataset.at : atMs);
    this.tell(text);
  }

  clear() {
    this.items.clear();
    this.numbers.clear();
    this.list.replaceChildren();
  }

  line(what) {
    const element = document.createElement(this.tag), who = document.createElement("span"), words = document.createElement("span");
    who.className = "who";
    words.className = "words";
    element.append(who, words);
    this.place(element, what.atMs);
    return { element, who, words, told: "" };
  }

  show(line, what) {
    const stays = this.atEnd();
    line.element.className = what.who + (what.cut ? " cut" : "") + (line.over ? "" : " saying");
    line.who.textContent = this.name(what);
    line.words.textContent = what.text;
    if (line.rest) line.rest.remove();
    if (what.unheard) {
      line.rest = document.createElement("del");
      line.rest.textContent = what.unheard;
      line.rest.title = "said by the bot and not heard by the caller";
      line.element.append(" ", line.rest);
    }
    if (stays) this.toEnd();
  }

  place(element, atMs) {
    const stays = this.atEnd(), last = this.list.lastElementChild;
    element.dataset.at = atMs === undefined ? (last ? last.dataset.at : 0) : atMs;
    let after = last;
    while (after && Number(after.dataset.at) > Number(element.dataset.at)) after = after.previousElementSibling;
    if (after) after.after(element);
    else this.list.prepend(element);
    if (stays) this.toEnd();
    if (this.follow) element.scrollIntoView({ block: "nearest" });
  }

  /* Who has scrolled back to read is left there. */
  atEnd() { return this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 48; }
  toEnd() { this.list.scrollTop = this.list.scrollHeight; }

  told(line, text, whole) {
    if (!text.startsWith(line.told)) {
      if (!whole) return;
      line.told = "";
    }
    const rest = text.slice(line.told.length), end = whole ? rest.length : Talk.sayable(rest);
    if (!rest.slice(0, end).trim()) return;
    this.tell((line.told ? "" : line.who.textContent + ": ") + rest.slice(0, end).trim());
    line.told += rest.slice(0, end);
  }

  /* As much as makes sense by itself: to the end of a sentence or, of a long one, of a word. */
  static sayable(text) {
    const sentence = Math.max(...[...text.matchAll(/[.!?\u2026\u3002\uff01\uff1f]["')]*(\s|$)/g)].map((end) => end.index + end[0].length), 0);
    return sentence || (text.length > 90 ? text.lastIndexOf(" ") : 0);
  }
}

/* A log that nobody sees: a screen reader reads what is added, and nothing of it again. */
function spoken(log) {
  return (text) => {
    const one = document.createElement("p");
    one.textContent = text;
    log.append(one);
    while (log.childElementCount > 4) log.firstElementChild.remove();
  };
}
