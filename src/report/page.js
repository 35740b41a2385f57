
"use strict";
// Sorts a table by the column whose heading is pressed, and by #sort=KEY or #sort=KEY,descending in the address.
(() => {
  // A number where the cell says one, its text otherwise; null where there is none, which stands last either way.
  const valueOf = (cell) => {
    const value = cell.dataset.value;
    if (value === undefined) return cell.textContent;
    return value === "" ? null : Number(value);
  };
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const sort = (table, column, direction) => {
    const sign = direction === "descending" ? -1 : 1;
    const rows = Array.from(table.tBodies[0].rows, (row) => ({ row, value: valueOf(row.cells[column]) }));
    rows.sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      return sign * compare(a.value, b.value);
    });
    table.tBodies[0].append(...rows.map((entry) => entry.row));
    Array.from(table.tHead.rows[0].cells).forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", direction);
      else head.removeAttribute("aria-sort");
    });
  };
  const tables = Array.from(document.querySelectorAll("table[data-sortable]"));
  for (const table of tables) {
    Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        sort(table, column, head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
      });
    });
  }
  const fromAddress = () => {
    const found = /^#sort=([a-z-]+)(?:,(ascending|descending))?$/.exec(location.hash);
    if (!found) return;
    for (const table of tables) {
      const column = Array.from(table.tHead.rows[0].cells).findIndex((head) => head.dataset.key === found[1]);
      if (column >= 0) {
        sort(table, column, found[2] ?? "ascending");
        table.scrollIntoView();
      }
    }
  };
  document.documentElement.classList.add("scripted");
  window.addEventListener("hashchange", fromAddress);
  fromAddress();
})();
