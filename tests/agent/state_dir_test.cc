#include "agent_host/state_dir.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace zk::agent_host {
namespace {

class FormationFile : public testing::Test {
  protected:
    FormationFile() {
        char name[] = "/tmp/zk-state-dir-XXXXXX";
        dir_ = ::mkdtemp(name);
    }
    ~FormationFile() override { (void)run_command({"rm", "-r", dir_}, std::chrono::seconds(10)); }
    std::string dir_;
};

agent_api::FormationRecord record_with_ticket() {
    agent_api::FormationRecord record;
    record.nonce = "n1";
    record.machine = "m1";
    record.ticket.emplace();
    record.ticket->generation = "g1";
    record.ticket->issuer_nonce = "n1";
    record.ticket->version = 3;
    record.ticket->nonces = {{ServerId(1), "n1"}, {ServerId(2), "n2"}};
    record.ticket->replaced = {ServerId(2)};
    record.ticket->complete = true;
    return record;
}

TEST_F(FormationFile, ComesBackWhole) {
    const StateDir state(dir_);
    const auto none = state.load_formation();
    ASSERT_TRUE(none.has_value());
    EXPECT_FALSE(none->has_value());

    ASSERT_TRUE(state.save_formation(record_with_ticket()).has_value());
    const auto again = state.load_formation();
    ASSERT_TRUE(again.has_value() && again->has_value());
    EXPECT_EQ(**again, record_with_ticket());

    agent_api::FormationRecord later = record_with_ticket();
    later.ticket->version = 4;
    ASSERT_TRUE(state.save_formation(later).has_value());
    EXPECT_EQ(**state.load_formation(), later);
    EXPECT_FALSE(exists(dir_ + "/identity.json"));
}

TEST_F(FormationFile, OneThatCannotBeReadIsNeverTakenForNone) {
    const StateDir state(dir_);
    ASSERT_TRUE(state.save_formation(record_with_ticket()).has_value());
    const Bytes whole = *read_file(state.file("formation.json"));
    for (std::size_t size = 0; size + 2 < whole.size(); size += 7) {
        ASSERT_TRUE(
            write_new_file(state.file("formation.json"), ByteView(whole).substr(0, size), {})
                .has_value());
        const auto torn = state.load_formation();
        ASSERT_FALSE(torn.has_value()) << size;
        EXPECT_NE(torn.error().words.find("formation.json"), std::string::npos);
    }
    ASSERT_TRUE(remove_durably(state.file("formation.json")).has_value());
    std::vector<std::string> made;
    ASSERT_TRUE(make_directories(state.file("formation.json"), 0700, made).has_value());
    EXPECT_FALSE(state.load_formation().has_value());
}

}  // namespace
}  // namespace zk::agent_host
