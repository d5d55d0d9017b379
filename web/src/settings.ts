// What the server writes into the page, and where the page lives.

function meta(name: string): string {
  return document.querySelector(`meta[name="${name}"]`)?.getAttribute('content') ?? '';
}

// Under Vite's development server the placeholders stay as they are.
const served = !document.title.endsWith('_PLACEHOLDER');
if (!served) document.title = 'Narthex';

export const settings = {
  ready: !served || meta('server-ready') === 'true',
};

/** "/prefix" for a page at /prefix/query; pages are one level deep. */
export const pathPrefix = location.pathname.replace(/\/[^/]*$/, '');
