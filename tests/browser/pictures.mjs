// Copies the pictures that the READMEs show out of artefacts/browser, as WebP, what fits a screen
// of each: small files that change only when somebody runs this.
//     node tests/browser/pictures.mjs      after tests/run.sh browser

import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Eyes, PICTURES } from "./eyes.mjs";

const PLACE = fileURLToPath(new URL("./pictures/", import.meta.url));
const MOST = 150 * 1024;
/** Name in artefacts, height that is shown. */
const SHOWN = [["board-1440", 900], ["round-taken-360", 900]];

const eyes = await Eyes.open("about:blank");
const page = await (await eyes.browser.newContext()).newPage();
for (const [name, height] of SHOWN) {
  const png = readFileSync(join(PICTURES, `${name}.png`)).toString("base64");
  const webp = await page.evaluate(async ([data, most]) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, Math.min(image.height, most)];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", 0.85).split(",")[1];
  }, [png, height]);
  const bytes = Buffer.from(webp, "base64");
  if (bytes.length > MOST) throw new Error(`${name}: ${bytes.length} bytes`);
  writeFileSync(join(PLACE, `${name}.webp`), bytes);
  console.log(`${basename(PLACE)}/${name}.webp: ${bytes.length} bytes`);
}
await eyes.close();
