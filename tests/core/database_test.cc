// Who may change memory, log and snapshot files when. See core/database.h.
#include "core/database.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/txn_log.h"

namespace zk::core {
namespace {

using Words = std::vector<std::string>;

class DatabaseTest : public ::testing::Test {
  protected:
    static storage::RecoveredState state_at(Zxid zxid) {
        storage::RecoveredState state;
        state.tree = std::make_unique<tree::DataTree>();
        state.tree->set_last_zxid(zxid);
        state.last_zxid = zxid;
        return state;
    }
    static Database made(Zxid zxid) {
        storage::RecoveredState state = state_at(zxid);
        return Database({.snap_count = 4, .committed_window = 10}, state, Log());
    }
    /// What was asked for since the last call, a word each.
    Words asked() {
        Words words;
        for (const Action& action : out) {
            if (const auto* start = std::get_if<StartSnapshot>(&action)) {
                words.emplace_back(start->install ? "file to install" : "file");
            } else if (std::holds_alternative<CancelSnapshot>(action)) {
                words.emplace_back("cancel");
            } else if (std::holds_alternative<TreeReplaced>(action)) {
                words.emplace_back("tree");
            } else if (const auto* disk = std::get_if<storage::DiskCommand>(&action)) {
                if (std::holds_alternative<storage::TruncateLog>(*disk))
                    words.emplace_back("truncate");
                if (std::holds_alternative<storage::InstallSnapshot>(*disk))
                    words.emplace_back("install");
                if (std::holds_alternative<storage::Reload>(*disk)) words.emplace_back("reload");
            } else if (const auto* news = std::get_if<OperatorNews>(&action)) {
                const auto zxid = std::get<SnapshotTaken>(*news).zxid;
                words.push_back(zxid ? "taken " + to_string(*zxid) : "not taken");
            }
        }
        out.clear();
        return words;
    }
    /// A periodic file is under way from now on.
    void begins_a_file() {
        for (std::uint32_t counter = 6; database.last_logged() < Zxid(kEpoch, 5 + 4); ++counter) {
            jute::Txn txn;
            txn.header = {
                SessionId(1), Xid(0), Zxid(kEpoch, counter), WallMs(1), OpCode::create_session};
            txn.body = jute::CreateSessionTxn{4000};
            database.appended(txn.header.zxid);
            database.apply(txn, std::make_shared<const Bytes>(jute::encode_txn(txn)), true);
        }
        database.maybe_snapshot(out);
        EXPECT_EQ(asked(), Words{"file"});
    }

    static constexpr Epoch kEpoch{1};
    static constexpr Zxid kHere = Zxid(kEpoch, 5);
    static constexpr Zxid kThere = Zxid(kEpoch, 50);
    Database database = made(kHere);
    Actions out;
};

TEST_F(DatabaseTest, APeriodicFileComesAfterSoManyTxnsAndOneAtATime) {
    database.maybe_snapshot(out);
    EXPECT_EQ(asked(), Words{});
    begins_a_file();
    database.maybe_snapshot(out);
    EXPECT_EQ(asked(), Words{});
}

TEST_F(DatabaseTest, APeriodicFileAlsoComesAfterSoManyBytesOfLog) {
    jute::Txn txn;
    txn.header = {SessionId(1), Xid(0), Zxid(kEpoch, 6), WallMs(1), OpCode::create_session};
    txn.body = jute::CreateSessionTxn{4000};
    const auto bytes = std::make_shared<const Bytes>(jute::encode_txn(txn));
    const auto record = static_cast<std::int64_t>(bytes->size() + storage::kLogRecordOverhead);
    const auto with_limit = [](std::int64_t snap_bytes) {
        storage::RecoveredState state = state_at(kHere);
        return Database(
            {.snap_count = 1'000'000, .snap_bytes = snap_bytes, .committed_window = 10, .seed = 7},
            state,
            Log());
    };
    std::uint32_t counter = 6;
    /// How many more txns until a file is begun, at most 1000.
    const auto txns_until_a_file = [&](Database& one) {
        for (int count = 1; count <= 1000; ++count) {
            txn.header.zxid = Zxid(kEpoch, counter++);
            one.apply(txn, bytes, true);
            one.maybe_snapshot(out);
            if (asked() == Words{"file"}) return count;
        }
        return 0;
    };
    Database limited = with_limit(100 * record);
    EXPECT_EQ(txns_until_a_file(limited), 101) << "more than the limit";
    for (int i = 0; i < 20; ++i) {
        limited.file_finished(kHere, true, out);
        const int count = txns_until_a_file(limited);
        EXPECT_GT(count, 50);
        EXPECT_LE(count, 101);
    }
    Database unlimited = with_limit(0);
    EXPECT_EQ(txns_until_a_file(unlimited), 0);
}

TEST_F(DatabaseTest, ATruncIsCutAtOnceAndMemoryFollows) {
    database.cut(Zxid(kEpoch, 3), out);
    EXPECT_EQ(asked(), Words{"truncate"});
    ASSERT_TRUE(database.is_cutting());
    storage::RecoveredState shorter = state_at(Zxid(kEpoch, 3));
    database.cut_done(shorter, out);
    EXPECT_EQ(asked(), Words{"tree"});
    EXPECT_EQ(database.last_logged(), Zxid(kEpoch, 3));
    EXPECT_EQ(database.last_durable(), Zxid(kEpoch, 3));
    EXPECT_FALSE(database.role_ended(out)) << "memory is what the log says";
}

TEST_F(DatabaseTest, ATruncWaitsForTheFileUnderWay) {
    begins_a_file();
    database.cut(Zxid(kEpoch, 3), out);
    EXPECT_EQ(asked(), Words{});
    EXPECT_FALSE(database.is_cutting());
    database.file_finished(kHere, true, out);
    EXPECT_EQ(asked(), Words{"truncate"});
    EXPECT_TRUE(database.is_cutting());
}

TEST_F(DatabaseTest, ARoleThatEndsBeforeTheLogIsCutReadsEverythingAgain) {
    database.cut(Zxid(kEpoch, 3), out);
    (void)asked();
    EXPECT_TRUE(database.role_ended(out));
    EXPECT_EQ(asked(), Words{"reload"});
    EXPECT_FALSE(database.is_cutting()) << "an answer to it is of a role that has ended";
    storage::RecoveredState state = state_at(Zxid(kEpoch, 3));
    EXPECT_TRUE(database.reloaded(state, out));
    EXPECT_EQ(asked(), Words{"tree"});
    EXPECT_FALSE(database.reloaded(state, out)) << "once";
}

TEST_F(DatabaseTest, AStreamThatIsCutOffChangesNothing) {
    database.expect_stream(kThere);
    EXPECT_FALSE(database.role_ended(out));
    EXPECT_EQ(asked(), Words{});
    EXPECT_EQ(database.last_logged(), kHere);
    EXPECT_FALSE(database.is_streaming());
}

TEST_F(DatabaseTest, AStreamThatIsWholeIsInMemoryAndThenOnDisk) {
    database.expect_stream(kThere);
    EXPECT_EQ(database.take_stream(std::make_unique<tree::DataTree>(), out), kThere);
    EXPECT_EQ(asked(), Words{"tree"});
    EXPECT_EQ(database.last(), kThere);
    database.install(kThere, out);
    EXPECT_EQ(asked(), Words{"file to install"});
    database.file_finished(kHere, true, out);
    EXPECT_EQ(asked(), Words{"install"});
    EXPECT_TRUE(database.installed(kThere));
    EXPECT_EQ(database.last_durable(), kThere);
    EXPECT_FALSE(database.installed(kThere)) << "once";
    EXPECT_FALSE(database.role_ended(out));
}

TEST_F(DatabaseTest, AnOlderFileIsNotTakenForTheOneToInstall) {
    begins_a_file();
    database.expect_stream(kThere);
    (void)database.take_stream(std::make_unique<tree::DataTree>(), out);
    (void)asked();
    database.install(kThere, out);
    EXPECT_EQ(asked(), Words{});
    database.file_finished(kHere, true, out);  // the periodic one
    EXPECT_EQ(asked(), Words{"file to install"});
}

TEST_F(DatabaseTest, AStreamThatIsNotOnDiskIsGoneWithTheRole) {
    database.expect_stream(kThere);
    (void)database.take_stream(std::make_unique<tree::DataTree>(), out);
    database.install(kThere, out);
    (void)asked();
    EXPECT_TRUE(database.role_ended(out));
    EXPECT_EQ(asked(), Words{"cancel"}) << "first the file must end";
    database.file_finished(kHere, true, out);  // it was too late to give it up
    EXPECT_EQ(asked(), Words{"reload"}) << "staged for a role that has ended";
    EXPECT_FALSE(database.installed(kThere));
}

TEST_F(DatabaseTest, ANextRoleThatInstallsWaitsForTheFileOfTheLastOne) {
    begins_a_file();
    EXPECT_FALSE(database.role_ended(out));
    EXPECT_EQ(asked(), Words{"cancel"});
    database.expect_stream(kThere);
    (void)database.take_stream(std::make_unique<tree::DataTree>(), out);
    (void)asked();
    database.install(kThere, out);
    EXPECT_EQ(asked(), Words{});
    database.file_finished(kHere, false, out);
    EXPECT_EQ(asked(), Words{"file to install"});
}

TEST_F(DatabaseTest, DiscardedMemoryIsReadAgain) {
    database.discard();
    EXPECT_TRUE(database.role_ended(out));
    EXPECT_EQ(asked(), Words{"reload"});
}

TEST_F(DatabaseTest, AFileThatIsAskedForIsBegunAndTold) {
    database.take_snapshot(out);
    EXPECT_EQ(asked(), Words{"file"});
    database.file_finished(kHere, true, out);
    EXPECT_EQ(asked(), Words{"taken " + to_string(kHere)});
    database.take_snapshot(out);
    EXPECT_EQ(asked(), Words{"file"}) << "of the same state: it may be gone";
    EXPECT_FALSE(database.role_ended(out));
    EXPECT_EQ(asked(), Words{"cancel"});
    database.file_finished(kHere, false, out);
    EXPECT_EQ(asked(), Words{"not taken"});
}

TEST_F(DatabaseTest, AFileThatIsAskedForIsNotTheOneUnderWay) {
    begins_a_file();
    database.take_snapshot(out);
    EXPECT_EQ(asked(), Words{});
    database.file_finished(kHere, true, out);
    EXPECT_EQ(asked(), Words{"file"});
    database.file_finished(kThere, true, out);
    EXPECT_EQ(asked(), Words{"taken " + to_string(kThere)});
    database.file_finished(kThere, true, out);
    EXPECT_EQ(asked(), Words{}) << "told once";
}

TEST_F(DatabaseTest, NoFileIsTakenWhileMemoryIsNotWhatTheLogSays) {
    database.expect_stream(kThere);
    database.take_snapshot(out);
    EXPECT_EQ(asked(), Words{"not taken"});
    // Nor when that has become so while it waited.
    EXPECT_FALSE(database.role_ended(out));
    begins_a_file();
    database.take_snapshot(out);
    database.cut(Zxid(kEpoch, 3), out);
    EXPECT_EQ(asked(), Words{});
    database.file_finished(kHere, true, out);
    EXPECT_EQ(asked(), (Words{"not taken", "truncate"}));
}

TEST_F(DatabaseTest, ATreeThatIsRestoredIsInMemoryAndThenOnDisk) {
    begins_a_file();
    auto tree = std::make_unique<tree::DataTree>();
    tree->set_last_zxid(Zxid(kEpoch, 2));
    database.restore(std::move(tree), out);
    EXPECT_EQ(asked(), (Words{"cancel", "tree"}));
    EXPECT_EQ(database.last(), Zxid(kEpoch, 2));
    database.file_finished(kHere, false, out);
    EXPECT_EQ(asked(), Words{"file to install"});
    database.file_finished(Zxid(kEpoch, 2), true, out);
    EXPECT_EQ(asked(), Words{"install"});
    EXPECT_TRUE(database.installed(Zxid(kEpoch, 2)));
    EXPECT_EQ(database.last_durable(), Zxid(kEpoch, 2));
}

TEST_F(DatabaseTest, WhoMayNotVoteSaysSo) {
    EXPECT_EQ(made(Zxid(-1)).last(), Zxid(-1));
    EXPECT_EQ(database.last(), kHere);
    database.appended(Zxid(kEpoch, 7));
    EXPECT_EQ(database.last(), Zxid(kEpoch, 7));
}

}  // namespace
}  // namespace zk::core
