// azure_clients.js: the clients of others against the stand-ins of JitAzure.pm, and a token endpoint of others against jit_guard.
//   ingest METADATA INGESTION RULE          uploads three rows
//   assertion CERTIFICATE KEY CLIENT TENANT prints the assertion that msal-node sends
//   oidc PORT PUBLIC CLIENT TENANT          is a token endpoint until it is ended
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const [, , command, ...args] = process.argv;

async function ingest(metadata, ingestion, rule) {
    process.env.AZURE_POD_IDENTITY_AUTHORITY_HOST = metadata;
    const { ManagedIdentityCredential } = require('@azure/identity');
    const { LogsIngestionClient } = require('@azure/monitor-ingestion');
    const client = new LogsIngestionClient(ingestion, new ManagedIdentityCredential(), { allowInsecureConnection: true });
    // A client of Azure shows its token over TLS only.
    client._client?.pipeline?.removePolicy?.({ name: 'bearerTokenAuthenticationPolicy' });
    const credential = new ManagedIdentityCredential();
    client._client?.pipeline?.addPolicy?.({
        name: 'token',
        async sendRequest(request, next) {
            request.headers.set('authorization', 'Bearer ' + (await credential.getToken('https://monitor.azure.com/.default')).token);
            return next(request);
        },
    });
    await client.upload(rule, 'Custom-JitGuardAudit', ['a', 'b', 'c'].map((word) => ({ TimeGenerated: new Date().toISOString(), EventType: word })));
    console.log('ingested 3 rows');
}

async function assertion(certificate, key, client, tenant) {
    const { ConfidentialClientApplication } = require('@azure/msal-node');
    const der = new crypto.X509Certificate(fs.readFileSync(certificate)).raw;
    const authority = `https://login.microsoftonline.com/${tenant}`;
    const network = {
        async sendGetRequestAsync() { throw new Error('nothing is got'); },
        async sendPostRequestAsync(url, options) {
            console.log('assertion ' + new URLSearchParams(options.body).get('client_assertion'));
            return { headers: {}, status: 200, body: { token_type: 'Bearer', expires_in: 3599, access_token: 'x' } };
        },
    };
    const application = new ConfidentialClientApplication({
        auth: {
            clientId: client, authority,
            clientCertificate: { thumbprintSha256: crypto.createHash('sha256').update(der).digest('hex'), privateKey: fs.readFileSync(key, 'utf8') },
            authorityMetadata: JSON.stringify({
                token_endpoint: `${authority}/oauth2/v2.0/token`, authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
                issuer: `${authority}/v2.0`, jwks_uri: `${authority}/discovery/v2.0/keys`,
            }),
            cloudDiscoveryMetadata: JSON.stringify({
                tenant_discovery_endpoint: `${authority}/v2.0/.well-known/openid-configuration`,
                metadata: [{ preferred_network: 'login.microsoftonline.com', preferred_cache: 'login.windows.net', aliases: ['login.microsoftonline.com'] }],
            }),
        },
        system: { networkClient: network },
    });
    await application.acquireTokenByClientCredential({ scopes: ['https://monitor.azure.com/.default'] });
}

async function oidc(port, key, client, tenant) {
    const { Provider } = await import(require.resolve('oidc-provider'));
    const jwk = crypto.createPublicKey(fs.readFileSync(key)).export({ format: 'jwk' });
    const provider = new Provider(`http://127.0.0.1:${port}`, {
        clients: [{
            client_id: client, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
            token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'PS256', jwks: { keys: [{ ...jwk, use: 'sig', alg: 'PS256' }] },
        }],
        clientAuthMethods: ['private_key_jwt'],
        enabledJWA: { clientAuthSigningAlgValues: ['PS256'] },
        scopes: ['https://monitor.azure.com/.default'],
        features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
        routes: { token: `/${tenant}/oauth2/v2.0/token` },
    });
    for (const event of ['grant.error', 'server_error']) provider.on(event, (_, error) => console.log(event, error.message, error.error_detail));
    provider.on('grant.success', () => console.log('granted'));
    provider.listen(Number(port), '127.0.0.1');
}

({ ingest, assertion, oidc })[command](...args).catch((error) => { console.log(error); process.exit(1); });
