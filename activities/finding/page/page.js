
"use strict";
const input = document.getElementById("filter"), shown = document.getElementById("shown");
const rows = Array.from(document.querySelectorAll("#rows tbody tr"));
input.closest("p").hidden = false;
const show = () => {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let n = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(w => text.includes(w));
    if (!row.hidden) n++;
  }
  shown.textContent = n + " of " + rows.length + " rows";
};
input.addEventListener("input", show);
show();
