// zkprov events: what the nodes remember of their elections. No recipe, no plan, nothing is changed.
#include <algorithm>

#include "clocks/clocks.h"
#include "events/timeline.h"
#include "phases/parallel.h"
#include "phases/runner.h"
#include "status/ensemble_judge.h"

namespace zk::phases {
namespace {

constexpr milliseconds kEventsLimit{20000};

void ask_one(const inventory::Inventory& inventory,
             Host& host,
             events::Witness& witness,
             LinkDeadline deadline) {
    const WallMs asked = clocks::wall_now();
    auto said = host.talk->elections(deadline);
    const WallMs answered = clocks::wall_now();
    if (!said.has_value()) {
        host.failure = said.error();
        return;
    }
    agent_api::NodeHealth identity;
    identity.cluster = said->cluster;
    identity.sid = said->sid;
    witness.silence = status::other_identity(inventory, host.node->id, identity);
    witness.word.why_not = witness.silence;
    if (!witness.silence.empty()) return;
    witness.clock = events::look_at_clock(asked, said->wall_ms, answered);
    witness.word.clock_ahead = events::correction(witness.clock);
    witness.changes = events::changes_of(std::move(said->changes), said->history);
    events::take_elections(witness.word, said->told, said->silence, said->kept);
}

}  // namespace

ExitCode run_events(const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    Console& console,
                    const EventsRequest& request) {
    std::vector<Host> hosts = make_hosts(inventory);
    connect_all(hosts, settings, kEventsLimit);
    std::vector<events::Witness> witnesses;
    for (const Host& host : hosts) {
        witnesses.push_back({{host.node->id, {}, {}, {}}, host.node->host});
    }
    const LinkDeadline deadline = settings.deadline_for(kEventsLimit);
    for_all(hosts, [&](Host& host) {
        events::Witness& witness = witnesses[static_cast<std::size_t>(&host - hosts.data())];
        if (host.connected()) ask_one(inventory, host, witness, deadline);
        if (host.failure) witness.silence = witness.word.why_not = reason_of(host);
        if (host.talk) host.talk->close();
    });
    const bool anyone = std::ranges::any_of(
        witnesses, [](const events::Witness& each) { return each.silence.empty(); });
    const ExitCode code = anyone ? ExitCode::done : ExitCode::unknown;
    events::Told told{inventory.cluster, {}, request.explain, static_cast<int>(code)};
    if (request.since) {
        told.since = WallMs(clocks::wall_now().value() - request.since->count());
    }
    console.data(console.json() ? events::events_json(told, witnesses)
                                : events::format_events(told, witnesses));
    return code;
}

}  // namespace zk::phases
