// The body of a restore, in pieces of all sizes, whole and not.
#include "admin_server/restore_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::admin_server {
namespace {

using ::testing::HasSubstr;

/// A snapshot of one node /a and one session, at zxid 7.
Bytes snapshot(storage::DigestSection section = storage::DigestSection::yes) {
    tree::DataTree tree;
    jute::Txn txn;
    txn.header.zxid = Zxid(7);
    txn.header.type = OpCode::create;
    txn.body = jute::CreateTxn{"/a", Bytes("data"), {{perms::kAll, {"world", "anyone"}}}, false, 1};
    EXPECT_EQ(tree.apply(txn).error, ErrorCode::ok);
    storage::SnapshotSerializer serializer(
        tree, {{SessionId(9), 4000}}, storage::Form::file, section);
    Bytes bytes;
    while (serializer.next_chunk(bytes, 1 << 20)) {
    }
    return bytes;
}

struct Answers {
    std::shared_ptr<core::Restore> restore;
    unsigned status = 0;
    std::string body;
};

Answers upload(const Bytes& bytes, std::size_t piece) {
    Answers answers;
    RestoreUpload one([&](std::shared_ptr<core::Restore> restore,
                          const http::Reply&) { answers.restore = std::move(restore); },
                      [&](const admin::TransferAnswer& failed) {
                          http::Response response;
                          response.status = failed.status;
                          response.body = failed.json;
                          return response;
                      });
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        if (!one.take(std::string_view(bytes).substr(at, piece))) break;
    }
    one.end([&](const http::Response& response) {
        answers.status = response.status;
        answers.body = response.body;
    });
    return answers;
}

Bytes packed(const Bytes& plain, storage::SnapshotName::Compression compression) {
    Bytes out;
    if (compression == storage::SnapshotName::Compression::gz) {
        storage::GzipWriter writer;
        writer.feed(plain, out);
        writer.finish(out);
    } else {
        storage::SnappyWriter writer;
        writer.feed(plain, out);
        writer.finish(out);
    }
    return out;
}

TEST(RestoreUpload, TakesWhatASnapshotIs) {
    using Compression = storage::SnapshotName::Compression;
    const Bytes plain = snapshot();
    for (const Bytes& bytes :
         {plain, packed(plain, Compression::gz), packed(plain, Compression::snappy)}) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
            const Answers answers = upload(bytes, piece);
            ASSERT_NE(answers.restore, nullptr) << answers.body;
            EXPECT_EQ(answers.status, 0U) << "it is not for the upload to say that it is done";
            EXPECT_EQ(answers.restore->tree->last_zxid(), Zxid(7));
            EXPECT_NE(answers.restore->tree->find("/a"), nullptr);
            EXPECT_EQ(answers.restore->sessions,
                      (std::map<SessionId, std::int32_t>{{SessionId(9), 4000}}));
        }
    }
}

TEST(RestoreUpload, RefusesWhatIsNoneOrNotWhole) {
    const Bytes whole = snapshot();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        // Up to its first checksum it is a file of before 3.6, and whole, but says not when it was.
        const Answers answers = upload(whole.substr(0, size), 16);
        // Behind the digest section it is one of 3.6 to 3.8.
        if (answers.restore) {
            EXPECT_EQ(size, whole.size() - 21);
            continue;
        }
        EXPECT_EQ(answers.status, 400U) << size;
        EXPECT_THAT(answers.body, HasSubstr("nothing has changed")) << size;
    }
    Bytes changed = whole;
    changed[whole.size() / 2] ^= 1;
    EXPECT_EQ(upload(changed, 1000).status, 400U);
    EXPECT_THAT(upload("", 1).body, HasSubstr("the body is empty"));
    EXPECT_THAT(upload("x", 1).body, HasSubstr("one byte"));
    EXPECT_THAT(upload("GIF89a", 6).body, HasSubstr("no snapshot to restore"));
    EXPECT_EQ(upload(whole + "more", 1000).status, 400U);
}

TEST(RestoreUpload, AsksForTheZxidThatOldFilesDoNotSay) {
    const Answers answers = upload(snapshot(storage::DigestSection::no), 64);
    EXPECT_EQ(answers.status, 400U);
    EXPECT_THAT(answers.body, HasSubstr("at which zxid"));
}

}  // namespace
}  // namespace zk::admin_server
