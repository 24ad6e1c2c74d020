"use strict";
/* The views in which an operator does something that is no live call: tools by hand, and webhooks once more. */
function workViews({ byId, make, ask, post, moment, words, show }) {
  function tool(one) {
    const box = make("article", "card"), form = make("form", "stack"), out = make("pre", "out");
    const label = make("label", "", "Arguments, a JSON object"), text = make("textarea"), who = make("label", "", "For the caller, if it asks who that is"), caller = make("input");
    text.value = example(one.parameters);
    text.rows = Math.min(8, text.value.split("\n").length + 1);
    text.spellcheck = false;
    caller.inputMode = "tel";
    caller.placeholder = "+15555550142";
    label.append(text);
    who.append(caller);
    out.setAttribute("role", "status");
    const run = make("button", "", "Run " + one.name);
    form.append(label, who, run);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      let given;
      try { given = JSON.parse(text.value || "{}"); } catch (error) { out.textContent = "This is no JSON: " + error.message; return; }
      run.disabled = true;
      out.textContent = "It runs.";
      try {
        const done = await post("tools/" + encodeURIComponent(one.name) + chosenProfile(), { arguments: given, caller: caller.value.trim() });
        out.textContent = (done.ok ? "" : "It failed. The model would be told: ") + done.output + (done.silent ? "\nOf this the bot would say nothing." : "");
      } catch (error) { out.textContent = error.message; }
      run.disabled = false;
    });
    const rules = Object.entries(one.rules).filter(([rule]) => rule !== "name").map(([rule, value]) => words(rule) + " " + (typeof value === "object" ? JSON.stringify(value) : value));
    box.append(make("h2", "", one.name), make("p", "", one.about), make("p", "note", rules.join(", ") || "no rules but the defaults"), form, out);
    return box;
  }

  /* A JSON object with the arguments that the schema has, to be filled in. */
  function example(schema) {
    const empty = { string: "", integer: 0, number: 0, boolean: false, array: [], object: {} };
    const found = Object.entries(schema.properties || {}).map(([name, one]) => [name, one.default !== undefined ? one.default : one.enum ? one.enum[0] : one.type in empty ? empty[one.type] : null]);
    return JSON.stringify(Object.fromEntries(found), null, 2);
  }

  const chosenProfile = () => (byId("tool-profile").value ? "?" + new URLSearchParams({ profile: byId("tool-profile").value }) : "");

  async function tools() {
    const told = await ask("tools" + chosenProfile());
    byId("tool-rows").replaceChildren(...told.tools.map(tool));
    byId("tools-none").hidden = told.tools.length > 0;
  }

  async function webhooks() {
    const told = await ask("webhooks");
    byId("webhook-rows").replaceChildren(...told.entries.map((one) => {
      const open = make("button", "plain", moment(one.at));
      open.type = "button";
      open.setAttribute("aria-label", "The call of " + moment(one.at));
      open.addEventListener("click", () => show(one.sid));
      const again = make("button", "plain", "Send again");
      again.type = "button";
      again.addEventListener("click", () => sendAgain(one.sid));
      const cells = [open, one.kind, one.state === "failed" ? "given up" : "waits", one.attempts, one.why, one.state === "failed" ? again : ""];
      return make("tr", "", ...cells.map((cell, at) => make("td", at === 3 ? "number" : at === 4 ? "wide" : "", cell)));
    }));
    byId("webhooks-none").hidden = told.entries.length > 0;
    byId("webhooks-table").hidden = !told.entries.length;
    byId("all-again").hidden = told.failed < 2;
    byId("all-again").textContent = "Send all " + told.failed + " again";
    byId("webhook-told").textContent = told.all > told.entries.length ? "The oldest " + told.entries.length + " of " + told.all + "." : "";
  }

  async function sendAgain(sid) {
    const { entries } = await post("webhooks/again", sid ? { sid } : {});
    await webhooks();
    byId("webhook-told").textContent = entries + (entries === 1 ? " entry" : " entries") + " will be sent again.";
  }

  byId("all-again").addEventListener("click", () => sendAgain("").catch(() => {}));
  byId("tool-profile").addEventListener("change", () => tools().catch(() => {}));
  return { tools, webhooks };
}
