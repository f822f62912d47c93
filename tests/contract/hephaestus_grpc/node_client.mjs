// Calls the services with Node.js' own gRPC library, from the .proto files.
//
//   node node_client.mjs ADDRESS METHOD < requests.json > answers.jsonl
//
// The environment names the folders of the packages (MODULES) and of the .proto files (PROTOS),
// the credential (KEY) and, for TLS, the file of the certificate authority (CA). `x-task-id` of
// the initial metadata and the status come on lines of their own.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.MODULES}/`);
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, path] = process.argv.slice(2);
const [service, method] = path.split('/');
const requests = JSON.parse(readFileSync(0, 'utf8'));

const files = ['quality', 'cleanup', 'analytics'].map((name) => `hephaestus/v1/${name}.proto`);
const definition = loader.loadSync(files, {
  includeDirs: [process.env.PROTOS],
  keepCase: true,
  defaults: true,
  enums: String,
  oneofs: true,
});
const Service = grpc.loadPackageDefinition(definition).hephaestus.v1[service];
const credentials = process.env.CA
  ? grpc.credentials.createSsl(readFileSync(process.env.CA))
  : grpc.credentials.createInsecure();
const client = new Service(address, credentials);
const metadata = new grpc.Metadata();
metadata.set('authorization', `Bearer ${process.env.KEY}`);

const tell = (name, value) => console.log(JSON.stringify({ [name]: value }));
const { requestStream, responseStream } = Service.service[method];

function answered(error, answer) {
  if (answer) tell('answer', answer);
  tell('status', { code: error?.code ?? 0, details: error?.details ?? '' });
  client.close();
}

let call;
if (responseStream) {
  call = client[method](requests[0], metadata);
  call.on('data', (answer) => tell('answer', answer));
  call.on('error', (error) => answered(error));
  call.on('end', () => answered());
} else if (requestStream) {
  call = client[method](metadata, answered);
  for (const request of requests) call.write(request);
  call.end();
} else {
  call = client[method](requests[0], metadata, answered);
}
call.on('metadata', (found) => {
  const [task] = found.get('x-task-id');
  if (task) tell('task_id', task);
});
