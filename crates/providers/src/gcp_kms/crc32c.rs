//! The checksum of Cloud KMS and Cloud Storage: CRC-32 with the polynomial of Castagnoli (RFC 3720, appendix B.4).

/// The polynomial, lowest power first.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The checksum. What it is made of has some dozens to some thousands of bytes, a published file
/// some more, so bit by bit is fast enough.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            // All ones if the lowest bit is set: no branch depends on the data.
            (sum >> 1) ^ (POLYNOMIAL & (sum & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 3720, appendix B.4; the bytes there are in the order of the wire.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&ascending), 0x46dd_794e);
        let descending: Vec<u8> = (0..32).rev().collect();
        assert_eq!(crc32c(&descending), 0x113f_db5c);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }
}
