// Reads the documents named on the command line with the AsyncAPI project's own parser. Prints what it finds wrong, one
// line each, and for each document "valid" with the number of its operations, or "invalid". NODE_PATH says where the
// parser is.
'use strict';

const fs = require('fs');
const { Parser } = require('@asyncapi/parser');

// What the parser calls an error; 1 is a warning.
const ERROR = 0;

async function check(path) {
  const { document, diagnostics } = await new Parser().parse(fs.readFileSync(path, 'utf8'));
  for (const finding of diagnostics) {
    const kind = finding.severity === ERROR ? 'error' : 'note';
    console.log(`${kind}: ${path}: ${finding.path.join('.')}: ${finding.message}`);
  }
  const valid = document && !diagnostics.some((finding) => finding.severity === ERROR);
  console.log(valid ? `valid: ${path}: ${document.operations().length} operations` : `invalid: ${path}`);
}

async function main(paths) {
  for (const path of paths) {
    await check(path);
  }
}

main(process.argv.slice(2));
