// What must not stand in any file: paths of somebody's machine, package registries, secrets.
import { matching } from './source.mjs';

const FORBIDDEN = [
  [/(?<![\w.~}$)-])\/(work|root|home|Users)\/[\w.-]+/, 'a path of one machine'],
  [/\.\.\/shared\//, 'a path outside the repository'],
  [/https?:\/\/[\w.-]*(registry|npmjs|artifactory|nexus|jfrog|pypi|mirror)[\w.-]*/i, 'a package registry'],
  [/"resolved":\s*"/, 'a registry address in a lock file'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'a private key'],
  [/\b(ghp|gho|github_pat|sk-ant|xox[bp])[_-][A-Za-z0-9_-]{16,}/, 'a token'],
  [/\b(?!127\.|10\.0\.0\.|0\.0\.0\.0|169\.254\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|255\.)(10|172|192|100)\.\d{1,3}\.\d{1,3}\.\d{1,3}\b/, 'an address of one network'],
  [/[ \t]+$/m, 'white space at the end of a line'],
];

export function hygiene(files) {
  const complaints = [];
  for (const path of Object.keys(files)) {
    for (const [pattern, what] of FORBIDDEN) {
      const found = files[path].match(pattern);
      if (found) complaints.push(`${path}:${lineOf(files[path], found.index)} holds ${what}: ${JSON.stringify(found[0].slice(0, 60))}`);
    }
    if (files[path] !== '' && !files[path].endsWith('\n')) complaints.push(`${path} does not end with a newline`);
  }
  for (const path of matching(files, /(^|\/)(\.env|id_rsa|.*\.pem|.*\.key)$/)) complaints.push(`${path} should not be here`);
  return complaints;
}

// Links in documents lead to files, folders and headings that exist.
export function links(files) {
  const complaints = [];
  for (const path of matching(files, /\.md$/)) {
    for (const [, target] of files[path].replace(/```[\s\S]*?```/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [place, heading] = target.split('#');
      const full = place ? new URL(place, `file:///${path}`).pathname.slice(1).replace(/\/$/, '') : path;
      const found = full in files || Object.keys(files).some((file) => file.startsWith(`${full}/`));
      if (!found) complaints.push(`${path}: there is no ${target}`);
      else if (heading && !headings(files[full]).includes(heading)) complaints.push(`${path}: there is no heading ${target}`);
    }
  }
  return complaints;
}

// As they appear in links: lower case, blanks to dashes, punctuation gone.
function headings(text) {
  const titles = [...(text ?? '').matchAll(/^#+ (.*)$/gm)].map(([, title]) => title.toLowerCase());
  return titles.map((title) => title.replace(/[^\w\- ]/g, '').replace(/ /g, '-'));
}

const lineOf = (text, index) => text.slice(0, index).split('\n').length;
