#include "zkdata/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::zkdata {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Options read(const std::vector<std::string>& words) {
    const auto options = parse_options(words);
    if (!options.has_value()) ADD_FAILURE() << options.error().words;
    return options.has_value() ? *options : Options();
}
std::string refused(const std::vector<std::string>& words) {
    const auto options = parse_options(words);
    return options.has_value() ? "taken" : options.error().words;
}

TEST(ZkdataOptions, TheTableIsSound) { EXPECT_THAT(command_line::problems(program()), IsEmpty()); }

TEST(ZkdataOptions, CommandsTakeTheirPaths) {
    const Options check = read({"check", "--log-dir", "/l", "a", "b"});
    EXPECT_EQ(check.verb, Verb::check);
    EXPECT_THAT(check.paths, ElementsAre("a", "b"));
    EXPECT_EQ(check.log_dir, "/l");
    const Options compare = read({"compare", "a", "b", "--at", "0x10", "--json"});
    EXPECT_THAT(compare.paths, ElementsAre("a", "b"));
    EXPECT_EQ(compare.at, Zxid(16));
    EXPECT_TRUE(compare.json);
    EXPECT_EQ(compare.payload_max, storage::kLogPayloadMax);
    const Options dump = read({"dump", "log.1", "--from=2", "--to=f", "--data"});
    EXPECT_EQ(dump.from, Zxid(2));
    EXPECT_EQ(dump.to, Zxid(15));
    EXPECT_TRUE(dump.data);
    EXPECT_EQ(read({"summary", "a"}).top, 10U);
    EXPECT_TRUE(read({"repair", "a", "--dry-run"}).dry_run);
    EXPECT_EQ(read({"--version"}).verb, Verb::version);
    EXPECT_EQ(read({"help", "dump"}).topic, "dump");
    EXPECT_EQ(read({"completion", "fish"}).shell, command_line::Shell::fish);
}

// As in a server: twice the limit, and never less than what the default admits.
TEST(ZkdataOptions, JuteMaxbufferSaysHowLongARecordMayBe) {
    for (const char* verb : {"check", "dump", "summary", "repair"}) {
        EXPECT_EQ(read({verb, "a", "--jute-maxbuffer", "4194304"}).payload_max, 8 << 20) << verb;
        EXPECT_EQ(read({verb, "a", "--jute-maxbuffer=1024"}).payload_max, storage::kLogPayloadMax);
    }
    EXPECT_EQ(read({"compare", "a", "b", "--jute-maxbuffer", "67108864"}).payload_max,
              storage::kLogPayloadMost);
    for (const char* wrong : {"1023", "67108865", "4m"})
        EXPECT_THAT(refused({"check", "a", "--jute-maxbuffer", wrong}),
                    HasSubstr("jute-maxbuffer"));
}

TEST(ZkdataOptions, MistakesAreNamed) {
    EXPECT_THAT(refused({"dump", "a", "--from", "x"}), HasSubstr("--from must be a zxid"));
    EXPECT_THAT(refused({"compare", "a"}), HasSubstr("the other side"));
    EXPECT_THAT(refused({"chek", "a"}), HasSubstr("check"));
    EXPECT_NE(refused({"repair", "a", "b"}), "taken");
}

}  // namespace
}  // namespace zk::zkdata
