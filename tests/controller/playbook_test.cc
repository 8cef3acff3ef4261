#include "playbook/playbook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::playbook {
namespace {

using testing::HasSubstr;

constexpr const char* kHead = "schema: zkprov.playbook/1\nname: x\n";

TEST(Playbook, BuiltinsAreReadable) {
    const auto apply = builtin_playbook("apply");
    ASSERT_TRUE(apply.has_value()) << apply.error().words;
    EXPECT_EQ(apply->phases.size(), 7U);
    EXPECT_EQ(apply->limit_of(PhaseKind::gate), std::chrono::seconds(120));
    const auto replace = builtin_playbook("replace-node");
    ASSERT_TRUE(replace.has_value()) << replace.error().words;
    EXPECT_EQ(replace->name, "replace-node");
    EXPECT_FALSE(builtin_playbook("upgrade").has_value());
}

TEST(Playbook, RefusesWhatItDoesNotKnow) {
    const auto words = [](const std::string& rest) {
        const auto playbook = read_playbook(kHead + rest, "p.yaml");
        return playbook ? std::string() : playbook.error().words;
    };
    EXPECT_EQ(words("phases: [ { run: connect, limit_s: 1 } ]\n"), "");
    EXPECT_THAT(words("phases: [ { run: dance, limit_s: 1 } ]\n"),
                HasSubstr("p.yaml:3:18: error: phases[0].run: \"dance\" is no phase"));
    EXPECT_THAT(words("phases: [ { run: gate, limit_s: 1 }, { run: connect, limit_s: 1 } ]\n"),
                HasSubstr("connect may not come after gate"));
    EXPECT_THAT(words("phases: [ { run: gate } ]\n"), HasSubstr("needs both run and limit_s"));
    EXPECT_THAT(words("phases: [ { run: gate, limit_s: 1, after: x } ]\n"),
                HasSubstr("not supported in this version"));
    EXPECT_THAT(words("phases: 1\n"), HasSubstr("must be a list"));
    EXPECT_FALSE(read_playbook("", "p.yaml").has_value());
}

}  // namespace
}  // namespace zk::playbook
