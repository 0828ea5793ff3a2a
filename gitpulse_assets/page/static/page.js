// Draws the charts of the page, one after the other from the top. Colours are CSS variables, so that a change of
// theme needs no drawing anew; expressions are interpreted, since the page's policy allows no eval.
"use strict";

const OPTIONS = {
  actions: false,
  ast: true,
  defaultStyle: false,
  renderer: "svg",
  tooltip: { disableDefaultStyle: true },
};

function draw(place) {
  const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
  const fitted = { ...spec, width: "container", autosize: { type: "fit-x", contains: "padding" } };
  return vegaEmbed(place, fitted, OPTIONS);
}

async function drawAll() {
  for (const place of document.querySelectorAll("[data-spec]")) {
    await draw(place);
    place.dataset.drawn = "yes";
    // Lets the browser show this one, and answer its reader, before the next.
    await new Promise((done) => setTimeout(done));
  }
}

drawAll();
