// Draws /docs from /openapi.json. Text goes in as text only: nothing of it can become markup.
"use strict";
const make = (tag, text, parent) => {
  const one = document.createElement(tag);
  if (text) one.textContent = text;
  if (parent) parent.append(one);
  return one;
};
const kinds = (schema) =>
  (schema.enum || [].concat(schema.type || [])).concat((schema.anyOf || []).flatMap(kinds));
const typed = (schema = {}) => kinds(schema).filter((kind) => kind !== "null").join(", ") || "any";
const curl = (method, path, operation) => {
  const needed = (operation.parameters || []).filter((p) => p.in === "query" && p.required);
  const query = needed.map((p) => `${p.name}=...`).join("&");
  const body = operation.requestBody ? " -H 'Content-Type: application/json' -d @body.json" : "";
  const verb = method === "get" ? "" : ` -X ${method.toUpperCase()}`;
  const url = `${location.origin}${path}${query ? "?" + query : ""}`;
  return `curl${verb} -H "Authorization: Bearer $GOLIVE_TOKEN"${body} "${url}"`;
};
const table = (title, rows, parent) => {
  if (!rows.length) return;
  if (title) make("h3", title, parent);
  const body = make("table", "", parent);
  for (const cells of rows) {
    const row = make("tr", "", body);
    for (const cell of cells) make("td", cell, row);
  }
};
const draw = (path, method, operation, parent) => {
  const box = make("details", "", parent);
  const head = make("summary", "", box);
  make("code", `${method.toUpperCase()} ${path}`, head);
  make("span", operation.summary || "", head);
  make("p", operation.description || "", box);
  const rows = (operation.parameters || []).map((one) => [
    one.name + (one.required ? " (required)" : ""), typed(one.schema),
    one.description || (one.schema || {}).description || "",
  ]);
  table("", rows, box);
  make("pre", curl(method, path, operation), box);
  const ok = (operation.responses || {})["200"] || {};
  const given = (ok.content || {})["application/json"] || {};
  const [item] = ((given.schema || {}).items || {}).anyOf || [];
  if (item)
    table("A row of the answer", Object.entries(item.properties).map(
      ([name, one]) => [name, one.format || typed(one), one.description || ""]), box);
  if (given.example) make("pre", JSON.stringify(given.example, null, 1), box);
  const answers = make("p", "", box);
  for (const [code, told] of Object.entries(operation.responses || {}))
    make("span", `${code}: ${told.description}`, answers);
};
fetch("/openapi.json").then((answer) => answer.json()).then((told) => {
  document.getElementById("lead").textContent =
    `Version ${told.info.version}. Answers are JSON, CSV, Arrow or Parquet by the Accept header.`;
  const parent = document.getElementById("operations");
  for (const [path, methods] of Object.entries(told.paths))
    for (const [method, operation] of Object.entries(methods))
      draw(path, method, operation, parent);
});
