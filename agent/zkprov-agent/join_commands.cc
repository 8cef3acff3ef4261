#include "join_commands.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "agent_api/join_report.h"
#include "agent_host/host_facts.h"
#include "agent_host/posix.h"
#include "agent_host/state_dir.h"
#include "first_boot/first_boot.h"
#include "inventory/inventory.h"
#include "inventory/render.h"

namespace zk::zkprov_agent {
namespace {

using agent_api::JoinReport;
using agent_api::JoinStage;
using agent_options::Options;

constexpr int kGoesOn = 3;
constexpr int kWrongInventory = 3;
constexpr int kRefused = 4;
constexpr auto kLook = std::chrono::milliseconds(200);

int fail(const std::string& words, int code = EXIT_FAILURE) {
    std::fprintf(stderr, "zkprov-agent join: %s\n", words.c_str());
    return code;
}

std::optional<inventory::Inventory> read_inventory(const std::string& file) {
    const auto text = agent_host::read_file(file);
    if (!text.has_value()) {
        fail(text.error().message());
        return std::nullopt;
    }
    inventory::Diagnostics diagnostics(file);
    std::error_code unknown;
    const auto path = std::filesystem::absolute(file, unknown);
    auto inventory =
        inventory::read_inventory(*text, path.parent_path().lexically_normal(), diagnostics);
    std::fputs(diagnostics.format_all().c_str(), stderr);
    return inventory;
}

/// Where the agent of this node will look for it.
Result<std::string> state_dir_of(const Options& options, const inventory::Inventory& inventory) {
    const bool local = inventory.transport == inventory::Transport::local;
    if (options.state_dir_given || !local) return options.state_dir;
    const inventory::Node* const node = options.node ? inventory.find(*options.node) : nullptr;
    if (node != nullptr) return inventory::state_dir_of(inventory, *node);
    return Error(Errc::invalid,
                 "all servers of this inventory are on this machine (transport: local); say by "
                 "--node N which of them is meant");
}

/// Nothing: none was written since the host started.
std::optional<JoinReport> read_report(const agent_host::StateDir& state) {
    const auto text = agent_host::read_file(first_boot::report_file(state));
    if (!text.has_value() && agent_host::is_not_found(text.error())) return std::nullopt;
    auto report =
        text.has_value() ? agent_api::parse_join_report(*text) : Result<JoinReport>(text.error());
    if (report.has_value()) return *std::move(report);
    JoinReport unknown;
    unknown.words =
        report.error().message() + (agent_host::is_no_right(report.error()) ? "; ask as root" : "");
    return unknown;
}

JoinReport report_now(const agent_host::StateDir& state) {
    auto known = read_report(state);
    if (known && (known->stage == JoinStage::done || !state.join_ended())) {
        return *std::move(known);
    }
    JoinReport report;
    if (state.join_ended()) {
        report.stage = JoinStage::done;
        report.words = "this node has joined, or zkprov apply has taken it over";
    } else {
        report.words = "join has not begun since this host started";
    }
    return report;
}

}  // namespace

int join(const Options& options) {
    auto inventory = read_inventory(options.inventory_file);
    if (!inventory) return kWrongInventory;
    if (auto found = inventory::check_agents(*inventory); !found.has_value()) {
        return fail(found.error().words, kWrongInventory);
    }
    const auto state_dir = state_dir_of(options, *inventory);
    if (!state_dir.has_value()) return fail(state_dir.error().words, kWrongInventory);
    first_boot::Request request;
    request.inventory = *std::move(inventory);
    request.state_dir = *state_dir;
    request.server_program = agent_host::parent_of(agent_host::own_program()) + "/zkserver";
    request.node = options.node;
    request.patience = options.wait.value_or(milliseconds(0));
    const auto ended = first_boot::join_ensemble(std::move(request), stderr_log(LogLevel::info));
    if (!ended.has_value()) return fail(ended.error().message());
    return ended->stage == JoinStage::done ? EXIT_SUCCESS : kRefused;
}

int join_status(const Options& options) {
    const agent_host::StateDir state(options.state_dir);
    const auto until = std::chrono::steady_clock::now() + options.wait.value_or(milliseconds(0));
    std::string said;
    for (;;) {
        const JoinReport report = report_now(state);
        const bool ended = report.stage == JoinStage::done || report.stage == JoinStage::failed;
        const bool last = ended || std::chrono::steady_clock::now() >= until;
        const std::string words =
            options.json ? agent_api::to_json(report) : agent_api::words_of(report);
        if (words != said && (!options.json || last)) {
            std::printf("%s\n", words.c_str());
            std::fflush(stdout);
            said = words;
        }
        if (report.stage == JoinStage::done) return EXIT_SUCCESS;
        if (ended) return EXIT_FAILURE;
        if (last) return kGoesOn;
        std::this_thread::sleep_for(kLook);
    }
}

}  // namespace zk::zkprov_agent
