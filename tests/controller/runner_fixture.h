// Commands of zkprov against nodes in memory.
#pragma once

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "fake_nodes.h"
#include "phases/runner.h"

namespace zk::phases {

inline inventory::Inventory read(const std::string& rest) {
    inventory::Diagnostics diagnostics("i.yaml");
    auto inventory =
        inventory::read_inventory("schema: zkprov/1\ncluster: demo\n" + rest, "/w", diagnostics);
    EXPECT_EQ(diagnostics.format_all(), "");
    return *inventory;
}
inline inventory::Inventory three(const std::string& more = {}) {
    return read(more + "nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n");
}

class Runner : public testing::Test {
  protected:
    explicit Runner(inventory::Inventory of = three())
        : inventory(std::move(of)), nodes(inventory) {
        release.server.content =
            "\x7f"
            "ELF of zkserver";
        release.server.sha256 = std::string(64, 'a');
        settings.open_link = nodes.opener();
        settings.release = &release;
        settings.version = "0.1.0";
        settings.health_interval = milliseconds(1);
        settings.election_patience = milliseconds(30);
        settings.lock_grace = milliseconds(0);
        settings.lock_limits.proof = settings.lock_limits.round = milliseconds(400);
        settings.lock_limits.beat = milliseconds(10);
        settings.person = {"", "", "ana", "ops1", 4711, "", WallMs(0)};
        settings.deadline = deadline_in(milliseconds(30000));
    }
    /// No run changes a node without having made sure of its lock, and none keeps it.
    void TearDown() override {
        for (const auto& node : inventory.nodes) {
            const FakeNode& fake = nodes[node.id.value()];
            EXPECT_FALSE(fake.changed_unlocked) << node.id.value();
            EXPECT_FALSE(fake.locked) << node.id.value();
        }
    }
    ExitCode apply(const inventory::Inventory& wanted) {
        Console console = make_console(false);
        return run_apply(wanted, settings, console);
    }
    ExitCode apply() { return apply(inventory); }
    ExitCode replace(std::int64_t id) {
        Console console = make_console(false);
        return run_replace(inventory, settings, console, ServerId(id));
    }
    ExitCode plan(ChangesCode code = ChangesCode::no) {
        Console console = make_console(false);
        return run_plan(inventory, settings, console, code);
    }
    Console make_console(bool json) {
        out.clear();
        err.clear();
        nodes.story.clear();
        return Console([this](const std::string& text) { out += text; },
                       [this](const std::string& text) { err += text; },
                       ask,
                       json,
                       status::Colours::no);
    }
    /// A run that must not wait long for what does not come.
    void hurry() { settings.deadline = deadline_in(milliseconds(1500)); }

    inventory::Inventory inventory;
    FakeNodes nodes;
    Release release;
    RunSettings settings;
    std::function<std::string(const std::string&)> ask;
    std::string out;
    std::string err;
};

class RunnerOfFive : public Runner {
  protected:
    RunnerOfFive() : Runner(read("nodes: [{id: 1-5, host: \"192.168.6.[137-141]\"}]\n")) {}
};

}  // namespace zk::phases
