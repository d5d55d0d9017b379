// Opens the query page, types an expression, shows the graph, and checks that a line was drawn.
// usage: node graph.mjs SERVER_URL EXPRESSION SCREENSHOT.png
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { openBrowser } from './browser.mjs';

const [server, expression, screenshot] = process.argv.slice(2);
mkdirSync(dirname(screenshot), { recursive: true });

const browser = await openBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));

  await page.goto(server + '/');
  if (!page.url().includes('/query')) throw new Error('/ led to ' + page.url());
  // A short range: the server under test is seconds old.
  await page.goto(server + '/query?g0.expr=&g0.range_input=1m');
  await page.locator('textarea').first().fill(expression);
  await page.locator('textarea').first().press('Enter');
  await page.getByRole('tab', { name: 'Table' }).click();
  await page.locator('table tbody tr').first().waitFor({ timeout: 15000 });
  await page.getByRole('tab', { name: 'Graph' }).click();
  await page.locator('canvas').first().waitFor({ timeout: 15000 });

  await page.screenshot({ path: screenshot });
  // Colours that only lines have: saturated pixels, neither background, grid nor text.
  await page.waitForFunction(() => {
    const canvas = document.querySelector('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [r, g, b, a] = data.slice(i, i + 4);
      if (a > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 60) ++coloured;
    }
    return coloured > 50;
  }, undefined, { timeout: 15000 });

  const url = new URL(page.url());
  if (url.searchParams.get('g0.expr') !== expression) throw new Error('no permalink: ' + url);
  await page.screenshot({ path: screenshot });
  if (problems.length > 0) throw new Error('the page complained: ' + problems.join('; '));
  console.log('a line is drawn; see ' + screenshot);
} finally {
  await browser.close();
}
