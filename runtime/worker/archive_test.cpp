#include <catch2/catch.hpp>
#include <string>

#include "runtime/worker/archives.hpp"
#include "runtime/worker/bundle.hpp"

namespace perilune::worker {
namespace {

using test::gzip;
using test::pax;
using test::tar;
using test::zip;
using Entries = std::vector<std::string>;

struct Unpacked {
  Limits limits;
  BundleBuilder builder{limits};

  Unpacked& tar(std::string_view upload) {
    read_tar(upload, builder);
    return *this;
  }
  Unpacked& zip(std::string_view upload) {
    read_zip(upload, builder);
    return *this;
  }
  std::string code() { return builder.failed() ? builder.findings().front().code : "none"; }
  std::string file(std::string_view path) {
    const auto found = builder.files().find(path);
    return found == builder.files().end() ? "(absent)" : found->second;
  }
};

std::string code_of_tar(std::string_view upload) { return Unpacked{}.tar(upload).code(); }
std::string code_of_zip(std::string_view upload) { return Unpacked{}.zip(upload).code(); }

TEST_CASE("a tar.gz and a plain tar unpack alike", "[archive]") {
  const std::string plain =
      tar({{"./", "", '5'}, {"./init.lua", "return 1"}, {"lib/", "", '5'}, {"lib/a.lua", ""}});
  for (const std::string& upload : {plain, gzip(plain)}) {
    Unpacked u;
    CHECK(u.tar(upload).code() == "none");
    CHECK(u.file("init.lua") == "return 1");
    CHECK(u.file("lib/a.lua").empty());
    CHECK(u.builder.files().size() == 2);
  }
}

TEST_CASE("long names come from the prefix, from pax and from GNU headers", "[archive]") {
  Unpacked u;
  u.tar(tar({{"a.lua", "1", '0', "deep/down"},
             {"x", pax("path", "from/pax.lua") + pax("mtime", "1.5"), 'x'},
             {"short", "2"},
             {"././@LongLink", std::string{"from/gnu.lua\0", 13}, 'L'},
             {"short", "3"},
             {"g", pax("comment", "0123abc"), 'g'},
             {"last.lua", "4"}}));
  CHECK(u.code() == "none");
  CHECK(u.file("deep/down/a.lua") == "1");
  CHECK(u.file("from/pax.lua") == "2");
  CHECK(u.file("from/gnu.lua") == "3");
  CHECK(u.file("last.lua") == "4");
}

TEST_CASE("names that lead elsewhere are refused, in tar and in zip", "[archive]") {
  struct Case {
    std::string name;
    std::string code;
  };
  const std::vector<Case> cases{{"../a", "path_escapes"},
                                {"a/../../b", "path_escapes"},
                                {"/etc/passwd", "path_escapes"},
                                {"a\\b", "bad_name"},
                                {"a\nb", "bad_name"},
                                {"a\x7f", "bad_name"},
                                {"a\xff", "bad_name"},
                                {"a\xc0\xaf", "bad_name"},
                                {"a\xed\xa0\x80", "bad_name"},
                                {"a//b", "bad_name"},
                                {"a/./b", "bad_name"},
                                {std::string(256, 'x'), "name_too_long"}};
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(code_of_zip(zip({{c.name, "x"}})) == c.code);
    CHECK(code_of_tar(tar({{"p", pax("path", c.name), 'x'}, {"n", "x"}})) == c.code);
  }
  CHECK(code_of_zip(zip({{std::string{"a\0b", 3}, "x"}})) == "bad_name");
  CHECK(code_of_zip(zip({{std::string(255, 'x'), "x"}})) == "none");
  CHECK(code_of_zip(zip({{"gr\xc3\xbc\xc3\x9f"
                          "e.lua",
                          "x"}})) == "none");
  std::string path;
  while (path.size() < link::kMaxPath) path += "abc/";
  path.resize(link::kMaxPath - 1);
  path += 'x';
  CHECK(code_of_zip(zip({{path, "x"}})) == "none");
  CHECK(code_of_zip(zip({{path + 'x', "x"}})) == "name_too_long");
}

TEST_CASE("links, devices and pipes are refused", "[archive]") {
  for (const char type : {'1', '2'}) CHECK(code_of_tar(tar({{"a", "", type}})) == "link_refused");
  for (const char type : {'3', '4', '6'})
    CHECK(code_of_tar(tar({{"a", "", type}})) == "special_file");
  for (const char type : {'7', 'S', 'V', 'Z'})
    CHECK(code_of_tar(tar({{"a", "", type}})) == "bad_entry");
  CHECK(code_of_zip(zip({{"a", "b", true, 0, 0120777}})) == "link_refused");
  CHECK(code_of_zip(zip({{"a", "", true, 0, 0010644}})) == "special_file");
}

TEST_CASE("a path occurs once, in one spelling, as one thing", "[archive]") {
  CHECK(code_of_tar(tar({{"a", "1"}, {"a", "2"}})) == "duplicate_path");
  CHECK(code_of_tar(tar({{"a", "1"}, {"./a", "2"}})) == "duplicate_path");
  CHECK(code_of_tar(tar({{"a", "1"}, {"A", "2"}})) == "case_collision");
  CHECK(code_of_tar(tar({{"lib/a", "1"}, {"LIB/b", "2"}})) == "case_collision");
  CHECK(code_of_tar(tar({{"a", "1"}, {"a/b", "2"}})) == "duplicate_path");
  CHECK(code_of_tar(tar({{"a/b", "1"}, {"a", "2"}})) == "duplicate_path");
  CHECK(code_of_tar(tar({{"a/", "", '5'}, {"a/b", "1"}, {"a/c", "2"}})) == "none");
  CHECK(code_of_zip(zip({{"a", "1"}, {"a", "2"}})) == "duplicate_path");
}

TEST_CASE("bundle limits hold to the byte and to the file", "[archive]") {
  Unpacked u;
  u.limits.set(Limit::BundleUnpacked, 1000);
  u.limits.set(Limit::BundleFiles, 2);
  SECTION("just") {
    u.tar(tar({{"a", std::string(400, 'x')}, {"b", std::string(600, 'x')}}));
    CHECK(u.code() == "none");
  }
  SECTION("a byte more") {
    u.tar(tar({{"a", std::string(400, 'x')}, {"b", std::string(601, 'x')}}));
    CHECK(u.code() == "bundle_too_large");
    CHECK(u.builder.full());
  }
  SECTION("a byte more, zipped") {
    u.zip(zip({{"a", std::string(400, 'x')}, {"b", std::string(601, 'x')}}));
    CHECK(u.code() == "bundle_too_large");
  }
  SECTION("a file more") {
    u.tar(tar({{"a", ""}, {"b", ""}, {"c", ""}}));
    CHECK(u.code() == "too_many_files");
  }
}

TEST_CASE("a bomb stops at the ratio or the limit, whichever is first", "[archive]") {
  const std::string zeros(16U << 20U, '\0');
  CHECK(code_of_tar(gzip(tar({{"a", zeros}}))) == "ratio_exceeded");
  CHECK(code_of_zip(zip({{"a", zeros}})) == "ratio_exceeded");
  CHECK(code_of_zip(zip({{"a", std::string(BundleBuilder::kRatioFloor, '\0')}})) == "none");
}

TEST_CASE("a damaged tar is refused wherever it is damaged", "[archive]") {
  const std::string good = tar({{"a", "hello"}});
  CHECK(code_of_tar("") == "bad_archive");
  CHECK(code_of_tar("return 1") == "bad_archive");
  CHECK(code_of_tar(std::string(512, 'x')) == "bad_archive");
  CHECK(code_of_tar(good.substr(0, 600)) == "bad_archive");
  CHECK(code_of_tar(good.substr(0, 1024)) == "bad_archive");
  CHECK(code_of_tar(good + "more") == "bad_archive");
  CHECK(code_of_tar(good + std::string(10240, '\0')) == "none");
  std::string checksum = good;
  checksum[0] = 'b';
  CHECK(code_of_tar(checksum) == "bad_archive");
  const std::string packed = gzip(good);
  CHECK(code_of_tar(packed.substr(0, packed.size() - 4)) == "bad_archive");
  std::string crc = packed;
  crc[crc.size() - 8] = static_cast<char>(crc[crc.size() - 8] ^ 1);
  CHECK(code_of_tar(crc) == "bad_archive");
  CHECK(code_of_tar(tar({{"x", pax("GNU.sparse.major", "1"), 'x'}, {"a", ""}})) == "bad_archive");
  CHECK(code_of_tar(tar({{"x", "9999 path=a\n", 'x'}, {"a", ""}})) == "bad_archive");
  CHECK(code_of_tar(tar({{"x", "path=a\n", 'x'}, {"a", ""}})) == "bad_archive");
  CHECK(code_of_tar(tar({{"x", pax("size", "99999999999999"), 'x'}, {"a", "1"}})) != "none");
  CHECK(code_of_tar(tar({{"x", std::string(64 * 1024 + 1, 'x'), 'x'}})) == "bad_archive");
}

TEST_CASE("a zip unpacks stored and deflated entries", "[archive]") {
  Unpacked u;
  u.zip(zip({{"lib/", "", false, 0, 0040755}, {"lib/a", "one", false}, {"b", "two"}, {"c", ""}}));
  CHECK(u.code() == "none");
  CHECK(u.file("lib/a") == "one");
  CHECK(u.file("b") == "two");
  CHECK(u.file("c").empty());
  CHECK(code_of_zip(zip({})) == "none");
}

TEST_CASE("a zip that tells two stories is refused", "[archive]") {
  const std::string good = zip({{"a", "hello"}});
  CHECK(code_of_zip("") == "bad_archive");
  CHECK(code_of_zip(good.substr(0, good.size() - 1)) == "bad_archive");
  CHECK(code_of_zip("x" + good) == "bad_archive");
  CHECK(code_of_zip(good + "x") == "bad_archive");
  CHECK(code_of_zip(zip({{"a", "hello"}}, "prefix")) == "none");
  CHECK(code_of_zip(zip({{"a", "b", true, 1}})) == "encrypted");
  CHECK(code_of_zip(zip({{"a", "b", true, 0, 0100644, "c"}})) == "bad_archive");
  CHECK(code_of_zip(zip({{"a", "b", true, 0, 0100644, "", 1}})) == "bad_archive");
  CHECK(code_of_zip(zip({{"a", "b", true, 0, 0100644, "", 0, 9}})) == "bad_archive");
  CHECK(code_of_zip(zip({{"abc", "bcd", true, 0, 0100644, "", 0, 1}})) == "bad_archive");
}

TEST_CASE("entries that share their bytes are refused", "[archive]") {
  std::string twice = zip({{"a", "same"}, {"b", "same"}});
  // The second directory record points at the first entry.
  const std::size_t second = twice.rfind("PK\1\2");
  twice.replace(second + 42, 4, test::le(0, 4));
  CHECK(code_of_zip(twice) == "bad_archive");
}

TEST_CASE("findings end at a hundred", "[archive]") {
  std::vector<test::TarEntry> many(150, {"../x", ""});
  Unpacked u;
  u.tar(tar(many));
  CHECK(u.builder.findings().size() == BundleBuilder::kMaxFindings);
}

}  // namespace
}  // namespace perilune::worker
