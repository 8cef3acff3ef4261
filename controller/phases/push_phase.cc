// The server's binary, or a container's image, to the nodes of the plan that have another one or none. No server is touched.
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
            if (node.spec.container) return push_archive(host, node, deadline);
            // Of a tarball that was unpacked elsewhere only what it held is there.
            if (node.facts.kept_sha256 == server.sha256) return;
            const bool in_place =
                node.spec.release.flavor == agent_api::Flavor::zkserver ||
                node.facts.release_target == "releases/" + node.spec.release.version;
            if (node.facts.release_sha256 == server.sha256 && in_place) return;
            push(host, node, deadline);
        });
        auto stop = stop_for_failures(run_.hosts);
        if (stop) stop->messages.emplace_back("no server was touched");
        return stop;
    }

  private:
    /// The image, to those that have not loaded it from this archive.
    void push_archive(Host& host, const GatheredNode& node, LinkDeadline deadline) {
        const std::string& wanted = node.spec.container->archive_sha256;
        if (wanted.empty()) return;
        if (node.facts.container && node.facts.container->archive_sha256 == wanted) return;
        push(host, node, deadline);
    }

    void push(Host& host, const GatheredNode& node, LinkDeadline deadline) {
        const Release& release = *run_.settings.release;
        const auto pushed = host.talk->push(release.server, node.spec.install_dir, deadline);
        if (!pushed) {
            host.failure = pushed.error();
        } else if (*pushed) {
            run_.console.say(fmt::format("{}: {} sent", name_of(*host.node), release.what));
        }
    }
};

}  // namespace

std::unique_ptr<Phase> push_phase(Run& run) { return std::make_unique<PushPhase>(run); }

}  // namespace zk::phases
