// token_issuers.js FOLDER KIND TENANT CLAIMS [KEY]: programs of others make a token, where FOLDER has them in node_modules.
// jose: signs with the PEM file KEY. mock (oauth2-mock-server), oidc (oidc-provider): an issuer on a free port of the loopback, which
// lasts until the input ends. The first line of the output is JSON: the token, and where the issuer is.
'use strict';
const http = require('http');
const path = require('path');
const fs = require('fs');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');

console.log = console.info = console.warn = () => {}; // the output has one line
const [folder, kind, tenant, claimsText, keyFile] = process.argv.slice(2);
const claims = JSON.parse(claimsText);
const there = createRequire(path.join(folder, 'package.json'));
// Packages of both kinds.
async function load(name) {
    const directory = path.join(folder, 'node_modules', name);
    const about = JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8'));
    const way = about.exports && (about.exports['.'] ?? about.exports);
    const pick = (entry) => (typeof entry === 'string' ? entry : entry && (pick(entry.import) ?? pick(entry.node) ?? pick(entry.default)));
    return import(pathToFileURL(path.join(directory, pick(way) ?? about.main)).href);
}
function listen(handler) {
    return new Promise((done) => { const server = http.createServer(handler); server.listen(0, '127.0.0.1', () => done(server)); });
}
async function ask(url, body, headers = {}) {
    const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(body), headers });
    const document = await answer.json();
    if (!document.access_token) throw new Error(`${url}: ${JSON.stringify(document)}`);
    return document.access_token;
}

async function jose() {
    const { SignJWT, importPKCS8 } = await load('jose');
    const key = await importPKCS8(fs.readFileSync(keyFile, 'utf8'), 'RS256');
    return { token: await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'k1' }).sign(key) };
}

async function mock() {
    const { OAuth2Issuer, OAuth2Service } = await load('oauth2-mock-server');
    const issuer = new OAuth2Issuer();
    const prefix = `/${tenant}/v2.0`;
    await issuer.keys.generate('RS256');
    const service = new OAuth2Service(issuer);
    const server = await listen((request, response) => { request.url = request.url.replace(prefix, ''); service.requestHandler(request, response); });
    const authority = `http://127.0.0.1:${server.address().port}`;
    issuer.url = authority + prefix;
    service.on('beforeTokenSigning', (token) => Object.assign(token.payload, claims, { iss: issuer.url }));
    return { authority, token: await ask(`${issuer.url}/token`, { grant_type: 'client_credentials', scope: 'x' }) };
}

async function oidc() {
    const { default: Provider } = await load('oidc-provider');
    const express = there('express');
    const app = express();
    const server = await listen(app);
    const authority = `http://127.0.0.1:${server.address().port}`;
    const issuer = `${authority}/${tenant}/v2.0`;
    const { generateKeyPairSync } = require('crypto');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
    const provider = new Provider(issuer, {
        clients: [{ client_id: 'cli', client_secret: 'secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
        jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'theirs' }] },
        extraTokenClaims: () => { const { iss, aud, iat, exp, ...rest } = claims; return rest; },
        features: {
            devInteractions: { enabled: false }, clientCredentials: { enabled: true },
            resourceIndicators: {
                enabled: true, defaultResource: () => 'api://jit', useGrantedResource: () => true,
                getResourceServerInfo: () => ({ scope: 'db.elevate', audience: 'api://jit', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
            },
        },
    });
    app.use(`/${tenant}/v2.0`, provider.callback());
    const basic = 'Basic ' + Buffer.from('cli:secret').toString('base64');
    return { authority, token: await ask(`${issuer}/token`, { grant_type: 'client_credentials', resource: 'api://jit', scope: 'db.elevate' }, { authorization: basic }) };
}

({ jose, mock, oidc })[kind]().then(
    (made) => {
        process.stdout.write(JSON.stringify(made) + '\n');
        process.stdin.on('end', () => process.exit(0)).resume();
    },
    (error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); },
);
