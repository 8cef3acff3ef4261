// The server's binary to the nodes of the plan that have another one or none. No server is touched.
#include <fmt/core.h>

#include "phases/parallel.h"
#include "phases/phase.h"

namespace zk::phases {
namespace {

class PushPhase final : public Phase {
  public:
    using Phase::Phase;
    [[nodiscard]] std::string_view title() const override { return "send the server's binary"; }
    [[nodiscard]] bool needed() const override { return run_.plan && !run_.plan->is_empty(); }

    std::optional<Stop> run(LinkDeadline deadline) override {
        const Blob& server = run_.settings.release->server;
        for_all(run_.hosts, [&](Host& host) {
            const GatheredNode& node = run_.gathered.at(host.node->id);
            if (run_.plan->find(host.node->id) == nullptr || !host.connected()) return;
            // Of a tarball that was unpacked elsewhere only what it held is there.
            if (node.facts.kept_sha256 == server.sha256) return;
            const bool in_place =
                node.spec.release.flavor == agent_api::Flavor::zkserver ||
                node.facts.release_target == "releases/" + node.spec.release.version;
            if (node.facts.release_sha256 == server.sha256 && in_place) return;
            const auto pushed = host.talk->push(server, node.spec.install_dir, deadline);
            if (!pushed) {
                host.failure = pushed.error();
            } else if (*pushed) {
                run_.console.say(
                    fmt::format("{}: {} sent", name_of(*host.node), run_.settings.release->what));
            }
        });
        auto stop = stop_for_failures(run_.hosts);
        if (stop) stop->messages.emplace_back("no server was touched");
        return stop;
    }
};

}  // namespace

std::unique_ptr<Phase> push_phase(Run& run) { return std::make_unique<PushPhase>(run); }

}  // namespace zk::phases
