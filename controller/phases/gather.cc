#include "phases/gather.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "agent_api/agent_errc.h"
#include "clocks/clocks.h"
#include "inventory/render.h"
#include "phases/parallel.h"
#include "plan/observe.h"

namespace zk::phases {
namespace {

agent_api::ReleaseSpec release_spec(const RunSettings& settings) {
    agent_api::ReleaseSpec release;
    const std::string& own = settings.release->version;
    release.version =
        (own.empty() ? settings.version : own) + "-" + settings.release->server.sha256.substr(0, 8);
    release.sha256 = settings.release->server.sha256;
    release.size = settings.release->server.content.size();
    release.unpacked_bytes = settings.release->unpacked_bytes;
    return release;
}

void look_at_health(Host& host, LinkDeadline deadline) {
    auto health = host.talk->health(deadline);
    host.health.reset();
    if (health) {
        host.health = *std::move(health);
    } else if (!agent_api::agent_errc(health.error())) {
        host.failure = health.error();
    }
}

status::EnsembleVerdict judge_all(const std::vector<Host>& hosts,
                                  Gathered& gathered,
                                  const inventory::Inventory& inventory) {
    auto verdict = status::judge(inventory, statuses_of(hosts));
    for (const Host& host : hosts) {
        plan::NodeActual& actual = gathered.at(host.node->id).actual;
        const status::NodeVerdict* const node = verdict.find(host.node->id);
        actual.in_sync = node != nullptr && node->in_sync;
        actual.leads = verdict.leader == host.node->id;
        actual.speaks_as.reset();
        if (host.health && host.health->conflict) actual.speaks_as = host.health->answered_sid;
        // It may have been brought up to date since its facts were taken.
        if (actual.in_sync) actual.data_empty = false;
    }
    return verdict;
}

/// No leader, but servers enough of this ensemble that there may be one in a moment.
bool may_be_electing(const status::EnsembleVerdict& verdict) {
    const auto alive = std::ranges::count_if(verdict.nodes, [](const auto& node) {
        using agent_api::NodeVerdict;
        const auto& health = node.status.health;
        return health && health->verdict != NodeVerdict::down &&
               health->verdict != NodeVerdict::stuck && health->verdict != NodeVerdict::conflict;
    });
    return !verdict.leader && static_cast<std::size_t>(alive) >= verdict.majority();
}

void gather_one(Host& host, GatheredNode& node, LinkDeadline deadline) {
    const std::int64_t asked_ms = clocks::wall_now().value();
    auto facts = host.talk->facts(agent_api::facts_for(node.spec), deadline);
    const std::int64_t answered_ms = clocks::wall_now().value();
    if (!facts) {
        host.failure = facts.error();
        return;
    }
    node.facts = *std::move(facts);
    node.actual = plan::observe(node.spec, node.facts);
    // The agent looked at its clock somewhere between question and answer.
    node.actual.clock_offset_ms = node.facts.wall_ms.value() - (asked_ms + answered_ms) / 2;
    if (node.facts.identity) look_at_health(host, deadline);
}

}  // namespace

Result<Gathered> render_all(const inventory::Inventory& inventory,
                            const RunSettings& settings,
                            const std::string& generation,
                            const agent_api::Incarnations& incarnations) {
    const agent_api::ReleaseSpec release = release_spec(settings);
    Gathered gathered;
    for (const inventory::Node& node : inventory.nodes) {
        const auto found = incarnations.find(node.id);
        const auto incarnation =
            found == incarnations.end() ? std::nullopt : std::optional(found->second);
        ZK_TRY(gathered[node.id].spec,
               inventory::render_node(inventory, node, release, generation, incarnation));
    }
    return gathered;
}

void gather_all(std::vector<Host>& hosts,
                Gathered& gathered,
                const inventory::Inventory& inventory,
                LinkDeadline deadline) {
    for_all(hosts, [&](Host& host) {
        if (host.connected()) gather_one(host, gathered.at(host.node->id), deadline);
    });
    judge_all(hosts, gathered, inventory);
}

void await_election(std::vector<Host>& hosts,
                    Gathered& gathered,
                    const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    LinkDeadline deadline,
                    const std::function<void(const std::string&)>& say) {
    deadline = std::min(deadline, deadline_in(settings.election_patience));
    auto verdict = judge_all(hosts, gathered, inventory);
    if (!may_be_electing(verdict)) return;
    say("no leader at the moment; waiting for the election");
    while (may_be_electing(verdict) && !settings.is_interrupted() &&
           std::chrono::steady_clock::now() + settings.health_interval < deadline) {
        std::this_thread::sleep_for(settings.health_interval);
        for_all(hosts, [&](Host& host) {
            if (host.connected() && host.health) look_at_health(host, deadline);
        });
        verdict = judge_all(hosts, gathered, inventory);
    }
}

std::vector<plan::NodeActual> actuals_of(const std::vector<Host>& hosts, const Gathered& gathered) {
    std::vector<plan::NodeActual> actuals;
    for (const Host& host : hosts) {
        if (host.connected()) actuals.push_back(gathered.at(host.node->id).actual);
    }
    return actuals;
}

agent_api::Apply apply_message(const GatheredNode& node,
                               agent_api::Formation formation,
                               agent_api::OutsideLeave outside,
                               Dry dry) {
    agent_api::Apply apply;
    apply.spec = node.spec;
    apply.keep_copy = node.keeps_copy;
    apply.spec.formation = formation;
    apply.dry = dry == Dry::yes;
    apply.outside = outside;
    return apply;
}

agent_api::OutsideLeave leave_for(const plan::NodeActual& actual, const RunSettings& settings) {
    using agent_api::OutsideLeave;
    if (actual.to_adopt()) return OutsideLeave::adopt;
    return settings.take_over ? OutsideLeave::take_over : OutsideLeave::known;
}

agent_api::Formation formation_of(const plan::NodeStep& step) {
    const bool form = step.action == plan::Action::form;
    return form ? agent_api::Formation::form : agent_api::Formation::join;
}

namespace {

Result<plan::NodeChange> dry_run(Host& host,
                                 const GatheredNode& node,
                                 agent_api::Formation formation,
                                 agent_api::OutsideLeave outside,
                                 LinkDeadline deadline) {
    ZK_TRY(const auto done,
           host.talk->apply(apply_message(node, formation, outside, Dry::yes), deadline, nullptr));
    plan::NodeChange change;
    for (const agent_api::StepReport& each : done.steps) {
        change.steps.push_back(each.words.empty() ? each.step : each.words);
    }
    change.restarts_server = done.restarts_server;
    return change;
}

}  // namespace

void dry_run_all(std::vector<Host>& hosts,
                 Gathered& gathered,
                 agent_api::Formation formation,
                 const RunSettings& settings,
                 LinkDeadline deadline) {
    for_all(hosts, [&](Host& host) {
        if (!host.connected()) return;
        GatheredNode& node = gathered.at(host.node->id);
        const auto outside = leave_for(node.actual, settings);
        auto change = dry_run(host, node, formation, outside, deadline);
        if (change) {
            node.actual.change = *std::move(change);
        } else {
            host.failure = change.error();
        }
    });
}

Result<plan::NodeActual> look_again(Host& host,
                                    const GatheredNode& gathered,
                                    const plan::NodeStep& step,
                                    const RunSettings& settings,
                                    LinkDeadline deadline) {
    const agent_api::NodeSpec& spec = gathered.spec;
    ZK_TRY(const auto facts, host.talk->facts(agent_api::facts_for(spec), deadline));
    auto actual = plan::observe(spec, facts);
    const auto outside = leave_for(actual, settings);
    ZK_TRY(actual.change, dry_run(host, gathered, formation_of(step), outside, deadline));
    return actual;
}

}  // namespace zk::phases
