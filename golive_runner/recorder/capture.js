// Tells what a person does through the binding `goliveRecord`, with the names a person would use.
// Values of password fields and of cards never leave the page.
(() => {
  if (window.top !== window || !window.goliveRecord || window.__goliveRecording) return;
  window.__goliveRecording = true;

  const TEXTS = ["text", "search", "email", "url", "tel", "number", "date", "time", "month", "week",
    "datetime-local", "password", "color", "range", ""];
  const ACTIVE = "a[href],button,input,select,textarea,summary,option,[role],[onclick],[tabindex]";
  const words = (text) => (text || "").replace(/\s+/g, " ").trim().slice(0, 200);

  const role = (element) => {
    const said = element.getAttribute("role");
    if (said) return said.split(" ")[0];
    const tag = element.tagName.toLowerCase(), type = (element.type || "").toLowerCase();
    if (tag === "a") return element.hasAttribute("href") ? "link" : "";
    if (tag === "button" || tag === "summary") return "button";
    if (tag === "select") return element.multiple ? "listbox" : "combobox";
    if (tag === "textarea") return "textbox";
    if (tag === "input") {
      if (["submit", "button", "reset", "image"].includes(type)) return "button";
      if (["checkbox", "radio"].includes(type)) return type;
      return type === "search" ? "searchbox" : "textbox";
    }
    if (/^h[1-6]$/.test(tag)) return "heading";
    return tag === "img" ? "img" : "";
  };

  const label = (element) => {
    const ids = (element.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
    const named = ids.map((id) => document.getElementById(id)).filter(Boolean);
    if (named.length) return words(named.map((one) => one.innerText).join(" "));
    if (element.getAttribute("aria-label")) return words(element.getAttribute("aria-label"));
    const labels = [...(element.labels || [])].map((one) => {
      const copy = one.cloneNode(true);
      copy.querySelectorAll("input,select,textarea").forEach((inner) => inner.remove());
      return copy.textContent;
    });
    return words(labels.join(" "));
  };

  const name = (element) => {
    const said = label(element);
    if (said) return said;
    if (["submit", "button", "reset"].includes(element.type) && element.tagName === "INPUT")
      return words(element.value);
    const picture = element.querySelector && element.querySelector("img[alt]");
    return words(element.innerText) || words(element.alt) || (picture ? words(picture.alt) : "")
      || words(element.title);
  };

  const seen = (element) => element.offsetParent !== null || element.getClientRects().length > 0;

  const path = (element) => {
    const parts = [];
    for (let at = element; at && at !== document.body && parts.length < 5; at = at.parentElement) {
      if (at.id && !/\d{3,}|[:.]/.test(at.id)) { parts.unshift(`#${CSS.escape(at.id)}`); break; }
      const twins = [...(at.parentElement?.children || [])].filter((one) => one.tagName === at.tagName);
      const nth = twins.length > 1 ? `:nth-of-type(${twins.indexOf(at) + 1})` : "";
      parts.unshift(at.tagName.toLowerCase() + nth);
    }
    return parts.join(" > ");
  };

  const place = (element, all) => {
    const same = all.filter(seen);
    return same.length > 1 ? same.indexOf(element) + 1 : 0;
  };

  const described = (element) => {
    const itsRole = role(element), itsName = name(element);
    const twins = [...document.querySelectorAll("*")]
      .filter((one) => role(one) === itsRole && name(one) === itsName);
    return {
      role: itsRole, name: itsName, label: label(element),
      placeholder: words(element.getAttribute("placeholder")),
      test_id: element.getAttribute("data-testid") || "", text: words(element.innerText),
      css: path(element), nth: itsRole && itsName ? place(element, twins) : 0,
      type: (element.type || "").toLowerCase(),
    };
  };

  const isSecret = (element) => element.type === "password"
    || /cc-|one-time-code|password/.test(element.autocomplete || "");

  let edited = null; // a field that is being typed in: told before anything that happens after

  const tell = (kind, element, more = {}) => {
    if (edited && kind !== "fill") fill(edited);
    window.goliveRecord(JSON.stringify({ kind, on: element ? described(element) : null, ...more }));
  };

  const isText = (element) => element.tagName === "TEXTAREA"
    || (element.tagName === "INPUT" && TEXTS.includes((element.type || "").toLowerCase()));

  const filled = new WeakMap();
  const fill = (element) => {
    edited = null;
    if (filled.get(element) === element.value) return;
    filled.set(element, element.value);
    tell("fill", element, isSecret(element) ? { secret: true } : { value: element.value });
  };

  document.addEventListener("input", (event) => {
    if (isText(event.target)) edited = event.target;
  }, true);

  document.addEventListener("click", (event) => {
    const element = event.target.closest(ACTIVE) || event.target;
    const control = event.target.closest("label")?.control;
    if (!event.isTrusted || isText(element) || element.tagName === "SELECT") return;
    if (control && control !== element) return;
    if (["checkbox", "radio", "file"].includes(element.type)) return;
    tell("click", element);
  }, true);

  document.addEventListener("change", (event) => {
    const element = event.target;
    if (isText(element)) fill(element);
    else if (element.tagName === "SELECT")
      tell("choose", element, { value: words(element.selectedOptions[0]?.label) });
    else if (["checkbox", "radio"].includes(element.type))
      tell(element.checked ? "check" : "uncheck", element);
    else if (element.type === "file") tell("upload", element, { value: element.files[0]?.name || "" });
  }, true);

  document.addEventListener("keydown", (event) => {
    const element = event.target;
    if (!event.isTrusted || event.key !== "Enter" || !isText(element)) return;
    if (element.tagName === "TEXTAREA") return;
    fill(element);
    tell("press", element, { value: "Enter" });
  }, true);

  document.addEventListener("DOMContentLoaded", () => setTimeout(() => {
    const heading = [...document.querySelectorAll("h1, h2")].find(seen);
    window.goliveRecord(JSON.stringify({
      kind: "page", on: null, url: location.href, heading: words(heading?.innerText),
    }));
  }, 150));
})();
