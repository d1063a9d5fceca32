// Reads {document, schemas: [{name, schema, messages: [{name, value}]}]} from standard input; prints what is wrong:
// {parsed, document: [{severity, code, message, path}], schemas: ["name: why"], messages: ["name: why"]}.
import { Parser } from "@asyncapi/parser";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { readFileSync } from "node:fs";

const { document, schemas } = JSON.parse(readFileSync(0, "utf8"));
const parsed = await new Parser().parse(JSON.stringify(document));
const found = { parsed: parsed.document !== undefined, document: parsed.diagnostics, schemas: [], messages: [] };

// Not strict: strictness is about style. An unknown format still is an error, so the formats that say a number's size
// are named.
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);
for (const size of ["uint8", "uint16", "uint32", "uint64"]) {
  ajv.addFormat(size, { type: "number", validate: (value) => Number.isInteger(value) && value >= 0 });
}
for (const { name, schema, messages } of schemas) {
  if (schema.$schema !== "https://json-schema.org/draft/2020-12/schema") {
    found.schemas.push(`${name}: ${schema.$schema} is another dialect`);
  } else if (!ajv.validateSchema(schema)) {
    found.schemas.push(`${name}: ${ajv.errorsText()}`);
  } else {
    const valid = ajv.compile(schema);
    for (const message of messages) {
      if (!valid(message.value)) found.messages.push(`${message.name} by ${name}: ${ajv.errorsText(valid.errors)}`);
    }
  }
}
console.log(JSON.stringify(found));
