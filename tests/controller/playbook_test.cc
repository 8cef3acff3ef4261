#include "playbook/playbook.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::playbook {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kHead = "schema: zkprov.playbook/1\nname: x\n";

Result<Playbook> read(const std::string& rest) { return read_playbook(kHead + rest, "p.yaml"); }
std::string refused(const std::string& rest) {
    const auto playbook = read(rest);
    return playbook ? std::string() : playbook.error().words;
}
/// "connect gather" as a list of phases.
std::string phases(const std::string& names) {
    std::string text = "phases:\n";
    std::istringstream words(names);
    for (std::string name; words >> name;) text += "  - { run: " + name + ", limit_s: 1 }\n";
    return text;
}

TEST(Playbook, BuiltinsAreReadable) {
    const auto apply = builtin_playbook("apply");
    ASSERT_TRUE(apply.has_value()) << apply.error().words;
    EXPECT_EQ(apply->phases.size(), 7U);
    EXPECT_EQ(apply->limit_of(PhaseKind::gate), std::chrono::seconds(120));
    EXPECT_TRUE(apply->hooks.empty());
    const auto replace = builtin_playbook("replace-node");
    ASSERT_TRUE(replace.has_value()) << replace.error().words;
    EXPECT_EQ(replace->name, "replace-node");
    EXPECT_FALSE(builtin_playbook("upgrade").has_value());
}

TEST(Playbook, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ(refused("phases: [ { run: connect, limit_s: 1 } ]\n"), "");
    EXPECT_THAT(
        refused("phases: [ { run: dance, limit_s: 1 } ]\n"),
        HasSubstr("p.yaml:3:18: error: phases[0].run: \"dance\" is no phase; there are connect, "));
    EXPECT_THAT(refused("phases: [ { run: gate } ]\n"), HasSubstr("needs both run and limit_s"));
    EXPECT_THAT(refused("phases: [ { run: gate, limit_s: 0 } ]\n"), HasSubstr("from 1 to 86400"));
    EXPECT_THAT(refused("phases: [ { run: gate, limit_s: 1, after: x } ]\n"),
                HasSubstr("under hooks"));
    EXPECT_THAT(refused("phases: [ { run: gate, limit_s: 1, wait: 2 } ]\n"),
                HasSubstr("phases[0].wait"));
    EXPECT_THAT(refused("phases: 1\n"), HasSubstr("must be a list"));
    EXPECT_THAT(refused("phases: []\n"), HasSubstr("1 to 32"));
    EXPECT_THAT(refused("phases: [ 7 ]\n"), HasSubstr("must be a mapping"));
    EXPECT_FALSE(read_playbook("", "p.yaml").has_value());
}

TEST(Playbook, TheRecipeDecidesTheOrder) {
    for (const char* order : {"connect",
                              "connect gate",
                              "connect gather plan",
                              "connect gather plan check push",
                              "connect gather check plan roll gate",
                              "connect gather check gate plan push roll gate"}) {
        const auto playbook = read(phases(order));
        ASSERT_TRUE(playbook.has_value()) << playbook.error().words;
        std::string found;
        for (const Phase& phase : playbook->phases) {
            found += (found.empty() ? "" : " ") + std::string(to_string(phase.kind));
        }
        EXPECT_EQ(found, order);
    }
    const auto some = read(phases("connect gather"));
    EXPECT_FALSE(some->runs(PhaseKind::check));
    EXPECT_EQ(some->limit_of(PhaseKind::roll), std::nullopt);
}

TEST(Playbook, AnUnsafeOrderIsRefusedWithItsPlaceAndTheWayOut) {
    EXPECT_THAT(refused(phases("connect gather check push roll gate")),
                AllOf(HasSubstr("p.yaml:8:5: error: phases[4]: \"roll\" needs \"plan\" before it"),
                      HasSubstr("phases[3]: \"push\" needs \"plan\" before it")));
    EXPECT_THAT(refused(phases("connect gather check plan push roll")),
                HasSubstr("p.yaml:9:5: error: phases[5]: \"roll\" needs \"gate\" behind it"));
    EXPECT_THAT(refused(phases("connect gather check gate plan push roll")),
                HasSubstr("behind it"));
    EXPECT_THAT(refused(phases("connect gather plan roll gate")),
                HasSubstr("\"roll\" needs \"check\""));
    EXPECT_THAT(refused(phases("connect gather plan push check roll gate")),
                HasSubstr("\"push\" needs \"check\" before it"));
    EXPECT_THAT(refused(phases("connect gather check plan roll push gate")), HasSubstr("too late"));
    EXPECT_THAT(refused(phases("connect check gather plan")),
                HasSubstr("\"check\" needs \"gather\""));
    EXPECT_THAT(refused(phases("gate connect")), HasSubstr("\"gate\" needs \"connect\" before it"));
    EXPECT_THAT(refused(phases("connect gather gather")), HasSubstr("\"gather\" is there twice"));
    EXPECT_THAT(refused(phases("gather")), HasSubstr("\"gather\" needs \"connect\""));
}

TEST(Playbook, AHookIsAProgramWithArgumentsOrATextForAShell) {
    const auto playbook = read(phases("connect gather check plan roll gate") +
                               "hooks:\n"
                               "  before_wave: { run: [silence, alarms on], limit_s: 5 }\n"
                               "  after_node:\n"
                               "    - { run: \"echo $ZKPROV_NODE | mail ops\", limit_s: 7 }\n"
                               "    - { run: [/bin/true], limit_s: 1 }\n");
    ASSERT_TRUE(playbook.has_value()) << playbook.error().words;
    const auto& before = playbook->hooks.at(HookPoint::before_wave);
    ASSERT_EQ(before.size(), 1U);
    EXPECT_THAT(before[0].command, ElementsAre("silence", "alarms on"));
    EXPECT_EQ(before[0].limit, std::chrono::seconds(5));
    const auto& after = playbook->hooks.at(HookPoint::after_node);
    ASSERT_EQ(after.size(), 2U);
    EXPECT_THAT(after[0].command, ElementsAre("/bin/sh", "-c", "echo $ZKPROV_NODE | mail ops"));
    EXPECT_EQ(after[0].text, "echo $ZKPROV_NODE | mail ops");
    EXPECT_THAT(after[1].command, ElementsAre("/bin/true"));
}

TEST(Playbook, AHookThatCouldNotRunIsRefused) {
    const std::string safe = phases("connect gather check plan roll gate");
    const auto hooks = [&](const std::string& text) {
        return refused(safe + "hooks: " + text + "\n");
    };
    EXPECT_THAT(hooks("{ before_wave: { run: [x] } }"),
                HasSubstr("hooks.before_wave.run: needs both run and limit_s"));
    EXPECT_THAT(
        hooks("{ before_wave: { run: [], limit_s: 1 } }"),
        HasSubstr("p.yaml:10:30: error: hooks.before_wave.run: must be a list of the program"));
    EXPECT_THAT(hooks("{ before_wave: { run: {a: b}, limit_s: 1 } }"),
                HasSubstr("hooks.before_wave.run"));
    EXPECT_THAT(hooks("{ before_wave: { run: [\"a\\0b\"], limit_s: 1 } }"),
                HasSubstr("must be a list"));
    EXPECT_THAT(hooks("{ before_wave: rm }"), HasSubstr("must be a mapping"));
    EXPECT_THAT(hooks("{ before_wave: [] }"), HasSubstr("1 to 16"));
    EXPECT_THAT(hooks("{ before_waves: { run: [x], limit_s: 1 } }"),
                HasSubstr("did you mean \"before_wave\"?"));
    EXPECT_THAT(hooks("x"), HasSubstr("must be a mapping"));
    EXPECT_THAT(refused(phases("connect gather plan") +
                        "hooks: { after_wave: { run: [x], limit_s: 1 } }\n"),
                HasSubstr("which this recipe does not name"));
    EXPECT_THAT(refused(phases("connect roll") + "hooks: {}\n"), Not(HasSubstr("does not name")));
}

}  // namespace
}  // namespace zk::playbook
