// What jit_guard sent, read by the packages of others: standardwebhooks, cloudevents, adaptivecards. Prints how much was verified.
const fs = require('fs');
const { Webhook } = require('standardwebhooks');
const { HTTP } = require('cloudevents');
const AdaptiveCards = require('adaptivecards/dist/adaptivecards.js');

const given = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const webhook = new Webhook(given.secret);
for (const request of given.requests) {
    webhook.verify(request.body, request.headers);
    const event = HTTP.toEvent({ headers: request.headers, body: request.body });
    if (!event.validate() || event.id !== request.headers['webhook-id']) throw new Error('no CloudEvent: ' + request.body);
    let forged = false;
    try { webhook.verify(request.body + ' ', request.headers); forged = true; } catch (error) { /* as it should */ }
    if (forged) throw new Error('a changed body verifies');
}
for (const body of given.cards) {
    const message = JSON.parse(body);
    const context = new AdaptiveCards.SerializationContext();
    const card = new AdaptiveCards.AdaptiveCard();
    card.parse(message.attachments[0].content, context);
    if (context.eventCount > 0) throw new Error('no Adaptive Card: ' + context.getEventAt(0).message);
    if (card.getItemCount() < 3) throw new Error('elements of the card are missing');
}
console.log(`verified ${given.requests.length} events and ${given.cards.length} cards`);
